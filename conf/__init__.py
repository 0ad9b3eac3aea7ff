"""What an operator writes: the vocabulary, the mapping schema, the project folder, settings."""
