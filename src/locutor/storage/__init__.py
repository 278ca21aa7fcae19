"""What is kept on disk: one SQLite database and files by opaque id."""
