"""Encrypts secrets at rest, with a key that is derived from the settings."""

import base64
from hashlib import sha256
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

PURPOSE = b"drift model mappings:"


class UnreadableSecret(Exception):
    """The key of the settings is not the one that a secret was encrypted with."""


def encrypt(secret: str) -> str:
    """The secret in the form that is stored."""
    return _cipher().encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """The secret of its stored form.

    Raises:
        UnreadableSecret: If the key has changed since.
    """
    try:
        return _cipher().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise UnreadableSecret from error


def _cipher() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(sha256(PURPOSE + _key().encode()).digest()))


def _key() -> str:
    """The installation's key for secrets; without one, Django's signing key."""
    encryption: Any = getattr(settings.ENV, "encryption", None)
    key: Any = getattr(encryption, "key", None) or settings.ENV.secret_key
    text: str = key.get_secret_value()
    return text
