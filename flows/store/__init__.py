"""Tables and queries of our own store, one concept per file."""
