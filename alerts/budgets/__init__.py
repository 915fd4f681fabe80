"""Counts the alerts that spend false-alarm budgets: those that people called noise."""
