"""The record: every SQL statement of the project, one class per capability."""
