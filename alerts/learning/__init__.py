"""Learns from the reasons of acknowledgements: how often alerts were right, and what would have kept noise away."""
