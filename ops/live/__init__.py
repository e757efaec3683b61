"""Real money: what a person sees and says before it moves."""
