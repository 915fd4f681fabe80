"""Creates the demo's tenant, admin and API key, and the file that names them."""

import os
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from drift_detector.embedded.welcome import read_demo
from drift_detector.env import DEMO_PREFIX
from drift_detector.tenancy.authentication import digest
from drift_detector.tenancy.models import ApiKey, Role, Tenant, User
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.selection import memberships_of
from drift_detector.tenancy.services import add_member, create_api_key, create_tenant

SLUG, TITLE = "demo", "Demo airline"
ADMIN, KEY_NAME = "admin", "demo"


@dataclass(frozen=True, kw_only=True)
class Access:
    """The access to the demo; each field is a line of the file."""

    url: str
    api_key: str
    admin_user: str
    admin_password: str


def ensure_access(file: Path, *, url: str) -> Tenant:
    """Create what is missing of the tenant, its admin and its key, and update the file.

    Keys and passwords cannot be read from the database, so those that the file lost are replaced.
    """
    known = read_demo(file)
    tenant, user = _ensure_tenant()
    password = _ensure_password(user, known.get("ADMIN_PASSWORD", ""))
    api_key = _ensure_key(tenant, known.get("API_KEY", ""))
    _write(file, Access(url=url, api_key=api_key, admin_user=ADMIN, admin_password=password))
    return tenant


@transaction.atomic
def _ensure_tenant() -> tuple[Tenant, User]:
    user = User.objects.filter(username=ADMIN).first()
    user = user or User.objects.create_user(ADMIN, is_staff=True)
    tenants = [membership.tenant for membership in memberships_of(user)]
    tenant = next((tenant for tenant in tenants if tenant.slug == SLUG), None)
    return tenant or _create_tenant(user), user


def _create_tenant(user: User) -> Tenant:
    tenant = create_tenant(slug=SLUG, name=TITLE)
    with tenant_scope(tenant.id):
        add_member(user=user, role=Role.ADMIN)
    return tenant


def _ensure_password(user: User, password: str) -> str:
    if password and user.has_usable_password():
        return password
    password = secrets.token_urlsafe(16)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def _ensure_key(tenant: Tenant, key: str) -> str:
    with tenant_scope(tenant.id):
        is_usable = _usable_keys().filter(sha256=digest(key)).exists()
        return key if is_usable else _replace_key()


def _replace_key() -> str:
    _usable_keys().update(revoked_at=timezone.now())
    _, key = create_api_key(name=KEY_NAME, scopes=SCOPES[Role.OPERATOR])
    return key


def _usable_keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.usable().filter(name=KEY_NAME)


def _write(file: Path, access: Access) -> None:
    """Replace the file in one step; only its owner can ever read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.writelines(_lines(access))
    draft.replace(file)


def _lines(access: Access) -> list[str]:
    values = vars(access).items()
    return [f"{DEMO_PREFIX}{name.upper()}={shlex.quote(value)}\n" for name, value in values]
