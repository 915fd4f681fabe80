"""Monitors as code: a document names a model's monitors and its budget, and is applied whole or not at all."""
