"""Finds API keys in text, and masks them before the text is kept anywhere."""

import re
from urllib.parse import unquote

KEY_PREFIX = "adk_"
SHOWN = 12
"""Characters of a key that are stored and shown, by which people recognise it."""

# What `secrets.token_urlsafe(32)` makes: 256 bits in base64.
_KEY = re.compile(rf"{KEY_PREFIX}[A-Za-z0-9_-]{{43}}")
# An address can be encoded once more than it need be, by a proxy say.
_MOST_ENCODINGS = 2


def mask_keys(text: str) -> str:
    """The text with the first characters of each key only."""
    return _KEY.sub(lambda found: f"{found[0][:SHOWN]}…", text)


def key_in_address(address: str) -> str | None:
    """The first characters of a key that a path or a query holds, encoded or not; None without one."""
    for _ in range(_MOST_ENCODINGS + 1):
        if found := _KEY.search(address):
            return found[0][:SHOWN]
        address = unquote(address)
    return None
