"""Reads channels."""

from django.db.models import QuerySet

from alerts.models import Channel


def list_channels() -> QuerySet[Channel]:
    return Channel.objects.all()
