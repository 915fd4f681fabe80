"""Alerts about monitors that can't judge: what is wrong, and what to do."""
