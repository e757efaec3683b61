"""Strategies that come with Touchline."""
