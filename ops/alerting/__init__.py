"""Alerts: how a row of the outbox reaches a person, and how the person answers."""
