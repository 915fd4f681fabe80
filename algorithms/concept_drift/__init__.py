"""Detects changes in a stream of prediction errors, one observation after the other.

Each detector's fields are its settings and its state, so it can be stored as JSON between two observations and go on
as if nothing had happened. All of them begin anew after a drift.
"""
