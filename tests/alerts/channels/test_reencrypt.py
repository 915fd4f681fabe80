"""`manage.py reencrypt`: after it, the old key is needless."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pydantic import SecretStr

from alerts.channels.services import destination_of, rotate_secret
from alerts.models import Channel
from drift_detector.tenancy.models import Tenant
from tests.alerts.notification_rows import notification_rows

OLD, NEW = SecretStr("old-" * 10), SecretStr("new-" * 10)


def test_reencrypt__with_the_old_key__makes_it_needless(
    in_tenant: Tenant, override: Callable[..., None]
) -> None:
    override(encryption={"key": OLD}, notifier={"allowed_hosts": ["127.0.0.1"]})
    channel: Channel = notification_rows()["channels"]
    rotate_secret(channel)
    before = destination_of(channel)
    override(encryption={"key": NEW, "old_keys": [OLD]})
    out = StringIO()
    call_command("reencrypt", str(in_tenant.id), stdout=out)
    assert "2 channels" in out.getvalue()
    override(encryption={"key": NEW, "old_keys": []})
    after = destination_of(Channel.objects.get(id=channel.id))
    assert after == before
    assert len(after.secrets) == 2


def test_reencrypt__old_key_missing__changes_nothing(
    in_tenant: Tenant, override: Callable[..., None]
) -> None:
    override(encryption={"key": OLD}, notifier={"allowed_hosts": ["127.0.0.1"]})
    before = notification_rows()["channels"].address
    override(encryption={"key": NEW, "old_keys": []})
    with pytest.raises(CommandError, match="decrypts"):
        call_command("reencrypt", str(in_tenant.id))
    assert before in Channel.objects.values_list("address", flat=True)
