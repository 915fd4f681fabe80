import stat
import subprocess
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from rest_framework.test import APIClient

from drift_detector.demo.access import ensure_access
from drift_detector.embedded.welcome import read_demo
from drift_detector.tenancy.models import Role, User
from drift_detector.tenancy.selection import memberships_of

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:8000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "demo.env"


def status_with(key: str) -> int:
    client = APIClient(headers={"Authorization": f"Bearer {key}"})
    return client.get("/api/v1/monitors").status_code


def can_sign_in(access: dict[str, str]) -> bool:
    return (
        authenticate(username=access["ADMIN_USER"], password=access["ADMIN_PASSWORD"]) is not None
    )


def test_ensure_access__first_start__key_and_password_work(file: Path) -> None:
    ensure_access(file, url=URL)
    access = read_demo(file)
    assert access["URL"] == URL
    assert status_with(access["API_KEY"]) == 200
    assert can_sign_in(access)


def test_ensure_access__first_start__admin_is_staff_of_the_tenant_and_no_more(file: Path) -> None:
    tenant = ensure_access(file, url=URL)
    admin = User.objects.get(username="admin")
    assert (admin.is_staff, admin.is_superuser) == (True, False)
    assert [(each.tenant, each.role) for each in memberships_of(admin)] == [(tenant, Role.ADMIN)]


def test_ensure_access__second_start__only_the_url_changes(file: Path) -> None:
    tenant, before = ensure_access(file, url=URL), read_demo(file)
    assert ensure_access(file, url="http://127.0.0.1:9000") == tenant
    assert read_demo(file) == before | {"URL": "http://127.0.0.1:9000"}


def test_ensure_access__file_lost__new_key_and_password_and_the_old_ones_end(file: Path) -> None:
    tenant, before = ensure_access(file, url=URL), read_demo(file)
    file.unlink()
    assert ensure_access(file, url=URL) == tenant
    assert (status_with(before["API_KEY"]), can_sign_in(before)) == (401, False)
    assert (status_with(read_demo(file)["API_KEY"]), can_sign_in(read_demo(file))) == (200, True)


def test_ensure_access__file_of_another_database__replaced(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(
        "AUMOS_DRIFT_DEMO_API_KEY=adk_unknown\nAUMOS_DRIFT_DEMO_ADMIN_PASSWORD=forgotten\n"
    )
    ensure_access(file, url=URL)
    assert status_with(read_demo(file)["API_KEY"]) == 200
    assert can_sign_in(read_demo(file))


def test_ensure_access__password_changed_by_its_owner__stays(file: Path) -> None:
    ensure_access(file, url=URL)
    admin = User.objects.get(username="admin")
    admin.set_password("my own words")
    admin.save()
    ensure_access(file, url=URL)
    assert authenticate(username="admin", password="my own words") == admin


def test_ensure_access__the_file__is_private_and_a_shell_can_source_it(file: Path) -> None:
    ensure_access(file, url=URL)
    script = '. "$1" && printf %s "$AUMOS_DRIFT_DEMO_API_KEY"'
    said = subprocess.run(
        ["sh", "-c", script, "sh", file], capture_output=True, text=True, check=True
    )
    assert said.stdout == read_demo(file)["API_KEY"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["demo.env"]
