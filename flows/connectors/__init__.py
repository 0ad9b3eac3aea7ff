"""One connected system per file, unaware of each other."""
