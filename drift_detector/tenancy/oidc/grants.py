"""Finds the roles that the claims of the provider give in tenants."""

from collections.abc import Mapping
from typing import Any

from drift_detector.setting_groups.door_settings import Oidc
from drift_detector.tenancy.models import Role, Scope
from drift_detector.tenancy.rights import SCOPES

type Claims = Mapping[str, Any]

MOST_GROUPS = 1000


def roles_of(claims: Claims, oidc: Oidc) -> dict[str, Role]:
    """The highest role in each tenant, by its slug, that the groups of a person or a program give."""
    roles: dict[str, Role] = {}
    for grant in (each for group in groups_of(claims, oidc) for each in oidc.groups.get(group, [])):
        role, known = Role(grant.role), roles.get(grant.tenant)
        roles[grant.tenant] = role if known is None or SCOPES[role] >= SCOPES[known] else known
    return roles


def groups_of(claims: Claims, oidc: Oidc) -> list[str]:
    """The groups of the claim that the settings name; a claim of another form has none."""
    found = _claim(claims, oidc.groups_claim)
    listed = found if isinstance(found, list) else [found]
    return [each for each in listed[:MOST_GROUPS] if isinstance(each, str)]


def narrowed(scopes: frozenset[Scope], claims: Claims) -> frozenset[Scope]:
    """The scopes that the token was asked for, if it names some of ours; all of them if it names none."""
    asked = frozenset(each for each in Scope if each.value in _asked_scopes(claims))
    return scopes & asked if asked else scopes


def _asked_scopes(claims: Claims) -> list[str]:
    """The claim `scope` (RFC 8693: names with spaces between), or `scp`, which is a list with some providers."""
    found = claims.get("scope", claims.get("scp", ""))
    listed = found.split() if isinstance(found, str) else found
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def _claim(claims: Claims, name: str) -> object:
    """A claim by its name, or by a path into objects: names can have dots of their own."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
