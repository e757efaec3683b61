"""The stack: which parts there are, in which order, and what each is told."""
