"""The placeholder in the operator's settings that stands for a tenant's slug."""

TENANT_PLACEHOLDER = "{tenant}"


def is_filled(*texts: str) -> bool:
    """True if no text still waits for a tenant."""
    return not any(TENANT_PLACEHOLDER in text for text in texts)


def fill(text: str, slug: str) -> str:
    """The text of a tenant, by a slug that has been checked."""
    return text.replace(TENANT_PLACEHOLDER, slug)
