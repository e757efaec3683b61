"""Health: one small module per check, gathered into one report."""
