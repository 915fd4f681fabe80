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
    password = known.get("ADMIN_PASSWORD", "")
    if not password or not user.has_usable_password():
        password = _set_password(user)
    api_key = known.get("API_KEY", "")
    with tenant_scope(tenant.id):
        if not _usable_keys().filter(sha256=digest(api_key)).exists():
            api_key = _replace_key()
    _write(file, Access(url=url, api_key=api_key, admin_user=ADMIN, admin_password=password))
    return tenant


@transaction.atomic
def _ensure_tenant() -> tuple[Tenant, User]:
    user = User.objects.filter(username=ADMIN).first()
    user = user or User.objects.create_user(ADMIN, is_staff=True)
    tenant = next((each.tenant for each in memberships_of(user) if each.tenant.slug == SLUG), None)
    if tenant is None:
        tenant = create_tenant(slug=SLUG, name=TITLE)
        with tenant_scope(tenant.id):
            add_member(user=user, role=Role.ADMIN)
    return tenant, user


def _set_password(user: User) -> str:
    password = secrets.token_urlsafe(16)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def _replace_key() -> str:
    _usable_keys().update(revoked_at=timezone.now())
    _, key = create_api_key(name=KEY_NAME, role=Role.OPERATOR)
    return key


def _usable_keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(name=KEY_NAME, revoked_at__isnull=True)


def _write(file: Path, access: Access) -> None:
    """Replace the file in one step; only its owner can ever read it."""
    lines = [
        f"{DEMO_PREFIX}{name.upper()}={shlex.quote(value)}\n"
        for name, value in vars(access).items()
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.writelines(lines)
    draft.replace(file)
