"""Compiled loops over columns, by subject; all of them release the GIL."""
