"""Tests of the pure numerics."""
