"""Slices: rows of a window that a condition chooses, found, counted and judged beside the whole."""
