"""Tests of the two-sample tests."""
