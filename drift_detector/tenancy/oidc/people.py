"""Finds the people whom the provider's subjects stand for."""

from allauth.socialaccount.models import SocialAccount


def is_closed(issuer: str, subject: str) -> bool:
    """True if the person of a subject has an account here that was closed."""
    found: bool = SocialAccount.objects.filter(
        provider=issuer, uid=subject, user__is_active=False
    ).exists()
    return found
