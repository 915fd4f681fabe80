"""Outcomes of predictions: taken in, joined, numbered, and shown to the detectors."""
