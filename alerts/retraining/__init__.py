"""Asks for retraining on evidence, hears of deployments, and verifies that the new model is better."""

from alerts.retraining.requests import require_retraining

__all__ = ["require_retraining"]
