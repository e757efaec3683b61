"""A server: its secrets, its cluster checked and prepared, its health, its backups."""
