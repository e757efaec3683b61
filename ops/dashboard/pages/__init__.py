"""Pages: for each, what it shows and which parts of it are live."""
