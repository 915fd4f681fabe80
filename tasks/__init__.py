"""Celery tasks: ids in, services called, nothing decided here."""
