"""Dashboard: one page, live, for a person who slept."""
