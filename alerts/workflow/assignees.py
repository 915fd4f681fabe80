"""Names those who can take care of an alert: members of the tenant and its API keys."""

from django.core.exceptions import ValidationError

from drift_detector.tenancy.models import ApiKey, Membership


def list_assignees() -> list[str]:
    """All names that an alert of the current tenant can be assigned to, in alphabetical order."""
    users = Membership.objects.order_by("user__username").values_list("user__username", flat=True)
    keys = ApiKey.objects.usable().order_by("name").values_list("name", flat=True).distinct()
    return [*(f"user:{name}" for name in users), *(f"key:{name}" for name in keys)]


def check_assignee(assignee: str) -> None:
    """Refuse a name that is neither a member's nor a usable key's; an empty one is right.

    Raises:
        ValidationError: Of the field `assignee`.
    """
    if assignee and not _exists(assignee):
        reason = (
            "assignee must be user:<name> of a member or key:<name> of an API key of your tenant; "
            f"{assignee[:60]!r} is none."
        )
        raise ValidationError({"assignee": [reason]})


def _exists(assignee: str) -> bool:
    sort, _, name = assignee.partition(":")
    if sort == "user":
        return Membership.objects.filter(user__username=name).exists()
    return sort == "key" and ApiKey.objects.usable().filter(name=name).exists()
