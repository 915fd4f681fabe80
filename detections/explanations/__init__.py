"""Explanations: the slices of a run's window that carry its drift."""
