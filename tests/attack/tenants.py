"""Attacks of a tenant with a key of its own: honest files that are large, and requests that wait."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import requests

from tests.attack.forms import Form
from tests.attack.hostile_files import make_all
from tests.attack.stand import TOO_MANY, Outcome, Stand, is_answered, tell
from tests.chaos.world import TENANTS

ATTACKER = TENANTS[1]
PREVIEWS = 10
WAITERS = 40
RUNS_LEFT, RUNS_ASKED = 5, 40
WIDENED_COLUMNS, WIDENED_ROWS = 1000, 1500
PATIENCE_SECONDS = 600
MOST_LATE_SECONDS = 5.0


def large_previews(stand: Stand, form: Form) -> Outcome:
    """Ask for previews of an honest file, all at once."""
    path = stand.world.data / "large.parquet"
    values = np.random.default_rng(0).normal(size=(2, form.rows))
    pq.write_table(pa.table({"x": values[0], "y": values[1]}), path)
    return _outcome(_post_at_once(stand, "monitors/preview", [_watch(str(path))] * PREVIEWS))


def wide_files(stand: Stand, form: Form) -> Outcome:
    """Ask for previews and monitors of files with very many columns and row groups."""
    wide, cut = stand.world.data / "wide.parquet", stand.world.data / "cut.parquet"
    pq.write_table(pa.table({f"x{each}": [1.0] for each in range(form.columns)}), wide)
    pq.write_table(pa.table({"x": np.arange(form.row_groups)}), cut, row_group_size=1)
    bodies = [_watch(str(wide)), _watch(str(cut))]
    previews = _post_at_once(stand, "monitors/preview", bodies)
    monitors = _post_at_once(stand, "monitors", bodies)
    text = f"previews {tell(previews)}; monitors {tell(monitors)}"
    return Outcome(text, is_answered([*previews, *monitors]))


def widened_columns(stand: Stand, form: Form) -> Outcome:
    """Run over a CSV whose columns all turn out to be of another type near its end."""
    path = stand.world.data / "widened.csv"
    names = ",".join(f"x{each}" for each in range(WIDENED_COLUMNS))
    rows = [",".join(["1"] * WIDENED_COLUMNS)] * WIDENED_ROWS
    rows += [
        ",".join("1.5" if place == each else "1" for place in range(WIDENED_COLUMNS))
        for each in range(WIDENED_COLUMNS)
    ]
    path.write_text("\n".join([names, *rows]))
    return _outcome(_post_at_once(stand, "monitors/preview", [_watch(str(path))]))


def runs_over_the_quota(stand: Stand, form: Form) -> Outcome:
    """Ask for more runs than the tenant may have today; afterwards it may have as many as before."""
    stand.world.set_runs_left(ATTACKER, RUNS_LEFT)
    path = f"monitors/{stand.attackers_monitor}/run"
    try:
        found = _post_at_once(stand, path, [{}] * RUNS_ASKED)
    finally:
        stand.world.set_runs_left(ATTACKER, None)
    counts = (found.count(202), found.count(TOO_MANY))
    return Outcome(tell(found), counts == (RUNS_LEFT, RUNS_ASKED - RUNS_LEFT))


def waiting_requests(stand: Stand, form: Form) -> Outcome:
    """Ask for runs that wait a minute, while no worker is there to do them."""
    stand.world.stop("worker.1", "worker.2")
    try:
        path = f"monitors/{stand.attackers_monitor}/run?wait=60"
        return _outcome(_post_at_once(stand, path, [{}] * WAITERS, is_over_when_idle=False))
    finally:
        stand.world.start("worker.1", "worker.2")


def hostile_files(stand: Stand, form: Form) -> Outcome:
    """Preview files that were made to harm their reader, and watch them, while the other tenant has runs."""
    previews, monitors = list[int](), list[int]()
    for file in make_all(stand.world.data / "hostile", form.hostile):
        stand.ask_for_run()
        bodies = [_watch(file.uri)]
        previews += _post_at_once(stand, "monitors/preview", bodies, is_over_when_idle=False)
        monitors += _post_at_once(stand, "monitors", bodies)
    late = stand.latest_start()
    text = f"previews {tell(previews)}; monitors {tell(monitors)}; the other's runs at most {late:.1f} s late"
    return Outcome(text, is_answered([*previews, *monitors]) and late <= MOST_LATE_SECONDS)


def _watch(uri: str) -> dict[str, Any]:
    """The fields of a monitor of one file."""
    return {
        "name": str(uuid4()),
        "model_id": str(uuid4()),
        "reference_data_uri": uri,
        "current_data_uri": uri,
        "schedule_cron": "0 0 1 1 *",
    }


def _post_at_once(
    stand: Stand,
    path: str,
    bodies: Sequence[Mapping[str, Any]],
    *,
    is_over_when_idle: bool = True,
) -> list[int]:
    """The statuses of the answers to requests that are sent side by side."""
    headers = {"Authorization": f"Bearer {stand.world.key(ATTACKER)}"}
    url = f"{stand.world.url}/api/v1/{path}"

    def post(body: Mapping[str, Any]) -> int:
        try:
            answer = requests.post(url, json=body, headers=headers, timeout=PATIENCE_SECONDS)
        except requests.RequestException:
            return 0
        return answer.status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        found = list(pool.map(post, bodies))
    if is_over_when_idle:
        stand.wait_until_idle()
    return found


def _outcome(statuses: Sequence[int]) -> Outcome:
    return Outcome(tell(statuses), is_answered(statuses))
