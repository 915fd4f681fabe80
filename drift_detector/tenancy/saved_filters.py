"""Keeps the filters of lists for each person, under names."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict

from drift_detector.tenancy.models import SavedFilter
from drift_detector.tenancy.scope import current_tenant_id

MOST_OF_LIST = 20
LONGEST_NAME = 60
LONGEST_QUERY = 1000


def list_filters(*, user: Any, list_name: str) -> QuerySet[SavedFilter]:
    """The filters of a list that a person keeps, by name."""
    return SavedFilter.objects.filter(user_id=user.pk, list_name=list_name)


def save_filter(*, user: Any, list_name: str, name: str, query: str) -> SavedFilter:
    """Keep a query under a name; the name's query of before is replaced.

    Raises:
        ValidationError: If the name or the query can't be kept, or if there are too many.
    """
    name, query = name.strip(), QueryDict(query).urlencode()
    _check(name, query)
    kept = list_filters(user=user, list_name=list_name)
    if kept.exclude(name=name).count() >= MOST_OF_LIST:
        raise ValidationError(f"A list keeps {MOST_OF_LIST} filters; remove one first.")
    saved, _ = SavedFilter.objects.update_or_create(
        tenant_id=current_tenant_id(),
        user_id=user.pk,
        list_name=list_name,
        name=name,
        defaults={"query": query},
    )
    return saved


def _check(name: str, query: str) -> None:
    if not 0 < len(name) <= LONGEST_NAME or "\0" in name:
        raise ValidationError(f"name must have 1 to {LONGEST_NAME} characters.")
    if not 0 < len(query) <= LONGEST_QUERY:
        raise ValidationError("The list must have a filter, and one that is not too long.")


def remove_filter(*, user: Any, pk: UUID) -> bool:
    """Remove a person's filter; False if it is not there, or someone else's."""
    removed, _ = SavedFilter.objects.filter(user_id=user.pk, pk=pk).delete()
    return bool(removed)
