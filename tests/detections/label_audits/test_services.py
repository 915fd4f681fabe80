"""Labels of audits, and audits that are old: by the service, the database and the reconciler."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from detections.label_audits.label_audit_jobs import seed_of
from detections.label_audits.services import OtherLabel, add_labels
from detections.models import GivenLabel, LabelAudit
from detections.storage import measure_storage
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tasks.reconciler import reconcile
from tests.conftest import connected_as, role_url
from tests.factories import at_once, make_label_audit, make_monitor, rows_of


def adding(tenant: Tenant, audit: LabelAudit, label: int, *rows: int) -> Callable[[], str]:
    def add() -> str:
        try:
            with tenant_scope(tenant.id):
                add_labels(audit.id, dict.fromkeys(rows, label), f"key:{label}")
        except OtherLabel:
            return "other"
        return "added"

    return add


def test_add__two_people_at_once__no_label_is_lost_or_changed(committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        audit = make_label_audit(make_monitor())
    said = at_once(
        adding(committed_tenant, audit, 1, 1, 2), adding(committed_tenant, audit, 0, 3, 2)
    )
    labels = rows_of(
        committed_tenant.id, "SELECT row, label::text FROM drf_given_labels ORDER BY 1"
    )
    assert sorted(said) == ["added", "other"]  # both have labelled row 2
    assert labels in ([(1, "1.0"), (2, "1.0")], [(2, "0.0"), (3, "0.0")])


def test_add__two_people_with_the_same_label__it_is_one(committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        audit = make_label_audit(make_monitor())
    said = at_once(
        adding(committed_tenant, audit, 1, 1, 2), adding(committed_tenant, audit, 1, 2, 3)
    )
    assert said == ["added", "added"]
    assert rows_of(committed_tenant.id, "SELECT count(*) FROM drf_given_labels") == [(3,)]


def test_label__second_one_of_a_row__is_refused_by_the_database(in_tenant: Tenant) -> None:
    audit = make_label_audit(make_monitor())
    fields = {"tenant": in_tenant, "audit": audit, "row": 1, "created_by": "key:test"}
    GivenLabel.objects.create(**fields, label=1)
    with pytest.raises(IntegrityError, match="given_label_once_per_row"), transaction.atomic():
        GivenLabel.objects.create(**fields, label=0)


def test_seed__of_another_monitor__is_another(in_tenant: Tenant) -> None:
    seeds = {seed_of(make_monitor().id) for _ in range(4)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_storage__of_a_tenant__has_the_drawn_rows(tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        monitor = make_monitor()
    before = measure_storage(tenant_id=tenant.id)
    with tenant_scope(tenant.id):
        drawn = make_label_audit(monitor).drawn
    assert measure_storage(tenant_id=tenant.id) - before == len(drawn) > 0


def test_reconcile__audit_past_its_retention__goes_with_its_labels(
    committed_tenant: Tenant, override: Callable[..., None]
) -> None:
    override(runs={"retention_days": 30})
    tenant_id = committed_tenant.id
    with tenant_scope(tenant_id):
        monitor = make_monitor()
        old, young = (make_label_audit(monitor) for _ in range(2))
        for audit in (old, young):
            add_labels(audit.id, {1: 1}, "key:test")
        LabelAudit.objects.filter(id=old.id).update(created_at=timezone.now() - timedelta(days=31))
    with connected_as(role_url("scheduler")):
        reconcile()
    assert rows_of(tenant_id, "SELECT id FROM drf_label_audits") == [(young.id,)]
    assert rows_of(tenant_id, "SELECT audit_id FROM drf_given_labels") == [(young.id,)]
