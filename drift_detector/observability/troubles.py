"""Keeps what ails this process now, for `/healthz`: a broker out of reach, a refused right, a certificate."""

from threading import Lock

_guard = Lock()
_troubles: dict[str, str] = {}


def set_trouble(name: str, text: str) -> None:
    """Record a trouble, or what is new of it.

    Args:
        name: What is troubled, such as `kafka consumer`; no id, no secret.
        text: A sentence for the person on call.
    """
    with _guard:
        _troubles[name] = text


def end_trouble(name: str) -> None:
    """Forget a trouble that has ended."""
    with _guard:
        _troubles.pop(name, None)


def troubles() -> dict[str, str]:
    """The troubles of this process, by name."""
    with _guard:
        return dict(_troubles)
