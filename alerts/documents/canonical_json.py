"""Writes equal values of JSON as equal text, so that settings of a file, of a row and of another tenant compare."""

import json
from hashlib import sha256
from typing import Any


def canonical(value: Any) -> str:
    """The JSON of a value: sorted keys, and one form of each number; ids as text."""
    options: dict[str, Any] = {"sort_keys": True, "ensure_ascii": False, "default": str}
    return json.dumps(_plain(value), separators=(",", ":"), **options)


def _plain(value: Any) -> Any:
    """The value with whole numbers as integers: 1 and 1.0 are one setting."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def is_same(one: Any, other: Any) -> bool:
    """True if two values are one setting."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return canonical(one) == canonical(other)


def hash_of(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return sha256(canonical(value).encode(errors="surrogatepass")).hexdigest()
