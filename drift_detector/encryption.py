"""Encrypts texts that the database keeps and that no one may read there: addresses, secrets.

Fernet (AES-128-CBC with HMAC-SHA256) of the library `cryptography`, with keys made from the texts of
the settings by HKDF. The first key encrypts; all decrypt.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"aumos-drift-detector: texts of channels"
FERNET_KEY_BYTES = 32


class NoKey(RuntimeError):
    """The settings have no key, or none that a text was encrypted with."""


def encrypt(text: str) -> str:
    """Encrypt a text with the newest key.

    Raises:
        NoKey: If the settings have no key.
    """
    return _fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text of a token.

    Raises:
        NoKey: If no key of the settings is the one that it was encrypted with.
    """
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise NoKey(
            "No key of AUMOS_DRIFT_ENCRYPTION__KEY and __OLD_KEYS decrypts this text."
        ) from error


def encrypt_again(token: str) -> str:
    """A token of the same text by the newest key.

    Raises:
        NoKey: If no key of the settings is the one that it was encrypted with.
    """
    return encrypt(decrypt(token))


def has_key() -> bool:
    """True if texts can be encrypted."""
    return bool(settings.ENV.encryption.key.get_secret_value())


def _fernet() -> MultiFernet:
    group = settings.ENV.encryption
    keys = [key.get_secret_value() for key in (group.key, *group.old_keys)]
    if not keys[0]:
        raise NoKey("AUMOS_DRIFT_ENCRYPTION__KEY is missing: channels need it.")
    return _fernet_of(tuple(key for key in keys if key))


@lru_cache(maxsize=4)
def _fernet_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    derive = HKDF(SHA256(), length=FERNET_KEY_BYTES, salt=None, info=PURPOSE)
    return base64.urlsafe_b64encode(derive.derive(key.encode()))
