"""The alerts and the dashboard ask for metrics that there are. promtool is not at hand in tests."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import drift_detector.observability.heartbeats  # noqa: F401  # makes the metrics

DOCS = Path(__file__).parents[1] / "docs"
RULES: dict[str, Any] = yaml.safe_load((DOCS / "monitoring" / "alert-rules.yml").read_text())
DASHBOARD: dict[str, Any] = json.loads((DOCS / "monitoring" / "grafana-dashboard.json").read_text())
SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
NAME = re.compile(r"\bdrift_\w+")
DURATION = re.compile(r"\b(\d+)([mh])\b")


def sample_names() -> set[str]:
    """What Prometheus would store of ours."""
    ours = (family for family in REGISTRY.collect() if family.name.startswith("drift_"))
    return {family.name + suffix for family in ours for suffix in SUFFIXES[family.type]}


def expressions() -> list[str]:
    return [
        *(rule["expr"] for rule in ALERTS),
        *(target["expr"] for panel in PANELS for target in panel["targets"]),
    ]


@pytest.mark.parametrize("expression", expressions())
def test_expressions__metrics_of_ours__exist(expression: str) -> None:
    assert set(NAME.findall(expression)) <= sample_names()


def test_dashboard__every_family__is_on_it() -> None:
    asked = {
        name
        for panel in PANELS
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    }
    families = {family.name for family in REGISTRY.collect() if family.name.startswith("drift_")}
    assert {name for name in families if not any(each.startswith(name) for each in asked)} == set()


def test_dashboard__data_source__is_the_importers_choice() -> None:
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    assert {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]} == {
        "${datasource}"
    }


def test_dashboard__panels__do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))


def test_operations__every_metric_and_alert__is_explained() -> None:
    text = (DOCS / "operations.md").read_text()
    names = {
        re.sub(r"_bucket$", "", name) for rule in ALERTS for name in NAME.findall(rule["expr"])
    }
    assert {
        name for name in names | {rule["alert"] for rule in ALERTS} if f"`{name}`" not in text
    } == set()
    counters = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
    }
    assert {
        name for name in counters if name.startswith("drift_") and f"`{name}`" not in text
    } == set()


def minutes(durations: str) -> list[int]:
    return [int(number) * {"m": 1, "h": 60}[unit] for number, unit in DURATION.findall(durations)]


@pytest.mark.parametrize(
    "alert", [rule for rule in ALERTS if "[" in rule["expr"]], ids=lambda rule: rule["alert"]
)
def test_alerts__burst_of_a_moment__is_seen_for_longer_than_the_alert_waits(
    alert: dict[str, Any],
) -> None:
    assert sum(minutes(alert.get("for", "0m"))) <= min(minutes(alert["expr"])) / 2


def test_alerts__each__has_a_severity_and_a_summary() -> None:
    assert {rule["labels"]["severity"] for rule in ALERTS} == {"warning", "critical"}
    assert all(rule["annotations"]["summary"] for rule in ALERTS)
