"""What a project folder asks for that is not done here: found by reading its files, nothing is run."""
