"""A new field of a monitor is in one group; the API and the admin follow the groups."""

from itertools import chain

import pytest

from monitors.admin import RARE_FIELDS, RECORD_FIELDS, SHOWN_AS_TEXT, MonitorAdmin
from monitors.field_checks import FIELD_CHECKS
from monitors.models import DATA_FIELDS, FIELD_GROUPS, REFERENCE_FIELDS, Monitor
from monitors.serializers import MonitorSerializer

GROUPED = list(chain.from_iterable(FIELD_GROUPS.values()))
WRITTEN_BY_THE_SERVICE = {
    "id",
    "tenant",
    "created_at",
    "created_by",
    "updated_at",
    "retraining_required_at",
    "runs_per_month",
}


def test_groups__hold_every_field_that_people_set_once() -> None:
    fields = {field.name for field in Monitor._meta.fields}
    assert len(set(GROUPED)) == len(GROUPED)
    assert set(GROUPED) == fields - WRITTEN_BY_THE_SERVICE


@pytest.mark.parametrize("names", [DATA_FIELDS, REFERENCE_FIELDS])
def test_named_fields__are_fields_that_people_set(names: tuple[str, ...]) -> None:
    assert set(names) <= set(GROUPED)


def test_api__shows_every_group() -> None:
    assert set(GROUPED) <= set(MonitorSerializer().fields)


def test_admin__shows_the_data_the_record_and_what_the_tuning_page_leaves() -> None:
    shown = {name for _, section in MonitorAdmin.fieldsets for name in section["fields"]}
    data = {SHOWN_AS_TEXT.get(name, name) for name in DATA_FIELDS}
    assert {*data, *RECORD_FIELDS, *chain.from_iterable(RARE_FIELDS.values())} <= shown


@pytest.mark.parametrize("name", FIELD_CHECKS)
def test_field_check__is_the_one_of_the_api(name: str) -> None:
    assert getattr(MonitorSerializer, f"validate_{name}") is FIELD_CHECKS[name]
