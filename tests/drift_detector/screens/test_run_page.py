import gzip
import html
import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertRun
from detections.models import DetectionRun, Report, RunPart
from detections.reports import services as reports
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Job, Monitor
from tasks.monitors import answer_job
from tests.data import DRIFTED_WEEK
from tests.detections.profiles.test_views import judged
from tests.drift_detector.screens.queries import at_most
from tests.drift_detector.screens.reading import page_text
from tests.factories import make_detection, make_finished_run, make_monitor, take

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def browser(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


def page_of(run: DetectionRun) -> str:
    return f"/admin/runs/{run.id}/"


def detail(feature: str, verdict: str = "ok", **fields: Any) -> dict[str, Any]:
    return {"feature": feature, "verdict": verdict, **fields}


def table_of(page: Any) -> str:
    """The table of features by methods."""
    text: str = page.content.decode()
    start = text.index('aria-label="Features by methods"')
    return text[start : text.index("</section>", start)]


def make_parts(run: DetectionRun, *rows: int | None) -> None:
    """Parts of a running run; those with rows are counted."""
    for position, count in enumerate(rows):
        RunPart.objects.create(
            tenant_id=run.tenant_id, run=run, baseline=run.monitor.baselines.get(), spec=[],
            position=position, rows=count, profile=None if count is None else b"counted",
        )  # fmt: skip


def test_run__judged__says_what_was_read(browser: Client, flights_monitor: Monitor) -> None:
    run = judged(flights_monitor, week=2)
    words = page_text(browser.get(page_of(run)))
    assert "Rows judged 2000 Rows read 2000 Files read 1" in words
    assert "Baseline version 1" in words


def test_run__skipped_files__are_named_as_text(browser: Client, monitor: Monitor) -> None:
    skipped = [{"file": "<i>.txt", "reason": "the file is empty"}]
    run = make_finished_run(monitor, files_skipped=skipped, files_skipped_count=1022)
    page = browser.get(page_of(run))
    assert "<code>&lt;i&gt;.txt</code>: the file is empty" in page.content.decode()
    assert "and 1021 more" in page_text(page)


@pytest.mark.parametrize(("verdict", "is_shown"), [("unsupported", True), ("ok", False)])
def test_run__unsupported_estimate__names_the_way_to_labels(
    browser: Client, monitor: Monitor, verdict: str, is_shown: bool
) -> None:
    run = make_finished_run(monitor, verdict)
    estimated = {"detection_type": "performance", "details": [detail("accuracy", verdict)]}
    make_detection(run, "estimated_performance", verdict, **estimated)
    words = page_text(browser.get(page_of(run)))
    assert (f"POST /api/v1/monitors/{monitor.id}/label-audits" in words) == is_shown


def test_run__phases__are_shown_in_words(browser: Client, monitor: Monitor) -> None:
    phases = {"load": 0.0123, "open": 0.5, "evaluate": 125.0, "outcomes": 2.5}
    run = make_finished_run(monitor, phases=phases, bytes_read=3 * 2**20)
    words = page_text(browser.get(page_of(run)))
    assert "Load the monitor and its baseline 12 ms" in words
    assert "Read and judge the window 2 minutes 5 seconds" in words
    assert "Bytes 3.0 MB" in words


def test_run__features_and_methods__are_one_table_worst_first(
    browser: Client, monitor: Monitor
) -> None:
    run = make_finished_run(monitor, "drift")
    calm = detail("calm", effect_size=0.01, tolerance=0.1)
    near = detail("near", effect_size=0.09, tolerance=0.1)
    moved = detail("moved", "drift", effect_size=0.05, tolerance=0.04, reason="It moved.")
    make_detection(run, "ks", "drift", details=[calm, near, moved])
    make_detection(run, "psi", details=[detail("calm", effect_size=0.02, tolerance=0.2)])
    table = table_of(browser.get(page_of(run)))
    assert [table.index(name) for name in ("moved", "near", "calm")] == sorted(
        table.index(name) for name in ("moved", "near", "calm")
    )
    assert re.search(r"0\.05\s*/\s*0\.04", table)
    assert table.count("<td>") == 6


def test_run__p_value__is_shown_beside_the_features(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, p_value=0.0321)
    make_detection(run, "ks", details=[detail("calm", effect_size=0.01, tolerance=0.1)])
    assert "For the run as a whole p is 0.0321." in page_text(browser.get(page_of(run)))


def test_run__drifted_features__are_open_with_their_distribution(
    browser: Client, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=DRIFTED_WEEK)
    page = browser.get(page_of(run)).content.decode()
    assert "2 of 3 features drifted." in page
    for name in ("delay", "carrier"):
        assert f"{name}: reference and current distribution" in page
        link = f"/admin/monitors/{flights_monitor.id}/feature/?name={name}&amp;run={run.id}"
        assert f'href="{link}"' in page
    assert "distance: reference and current distribution" not in page


def test_run__unjudged_features__say_why_once(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "insufficient_data")
    few = {"verdict": "insufficient_data", "reason": "It needs 50 rows."}
    details = [{"feature": name, **few} for name in ("delay", "carrier")]
    make_detection(run, "ks", "insufficient_data", details=details)
    make_detection(run, "psi", "insufficient_data", details=details)
    assert page_text(browser.get(page_of(run))).count("carrier, delay : It needs 50 rows.") == 1


def test_run__performance__is_a_row_with_interval_and_limit(
    browser: Client, monitor: Monitor
) -> None:
    run = make_finished_run(monitor, "drift")
    found = detail(
        "accuracy", "drift", statistic=0.85, threshold=0.9, reason="It fell.",
        explanation={"lower": 0.84, "upper": 0.86},
    )  # fmt: skip
    make_detection(run, "performance", "drift", detection_type="performance", details=[found])
    words = page_text(browser.get(page_of(run)))
    assert "accuracy performance change_history drift 0.85 0.84 to 0.86 0.9 It fell." in words


def test_run__its_alert__is_linked(browser: Client, monitor: Monitor) -> None:
    run, other = make_finished_run(monitor, "drift"), make_finished_run(monitor)
    alert = Alert.objects.create(
        tenant_id=run.tenant_id, monitor=monitor, severity="critical", summary="It drifts.",
        opened_at=run.created_at,
    )  # fmt: skip
    AlertRun.objects.create(
        tenant_id=run.tenant_id, alert=alert, run=run, track="check", verdict="drift",
        window_start=run.window_start, window_end=run.window_end,
    )  # fmt: skip
    link = f'<a href="/admin/alerts/{alert.id}/">It drifts.</a>'
    assert link in browser.get(page_of(run)).content.decode()
    assert link not in browser.get(page_of(other)).content.decode()


def test_run__drift_of_performance_alone__is_said(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "drift")
    make_detection(run, "ks", details=[detail("delay"), detail("(rows)", "drift")])
    fell = detail("accuracy", "drift", statistic=0.85, threshold=0.9)
    make_detection(run, "performance", "drift", detection_type="performance", details=[fell])
    words = page_text(browser.get(page_of(run)))
    assert "The number of rows is unusual; accuracy is beyond its limit." in words


def test_run__failed__says_why_in_words(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "error", reason="There is no file at /nowhere/current.")
    words = page_text(browser.get(page_of(run)))
    assert "The run failed. There is no file at /nowhere/current." in words


def test_live_run__divided__shows_its_parts_until_it_has_ended(
    browser: Client, run: DetectionRun
) -> None:
    take(run)
    make_parts(run, 500, 700, None)
    page = browser.get(page_of(run))
    assert "2 of 3 parts are counted, 1200 rows." in page_text(page)
    assert f'hx-get="{page_of(run)}progress/"' in page.content.decode()
    answer = browser.get(f"{page_of(run)}progress/")
    assert "HX-Refresh" not in answer
    DetectionRun.objects.update(
        status="succeeded", verdict="ok", finished_at=timezone.now(), lease_token=None,
        lease_expires_at=None,
    )  # fmt: skip
    assert browser.get(f"{page_of(run)}progress/")["HX-Refresh"] == "true"


def test_live_run__queued__says_what_it_waits_for(browser: Client, run: DetectionRun) -> None:
    DetectionRun.objects.update(not_before=timezone.now() + timedelta(hours=1))
    words = page_text(browser.get(page_of(run)))
    assert "The run waits for a worker." in words
    assert "It waits for a worker, until" in words


def test_finished_run__page__does_not_poll(browser: Client, monitor: Monitor) -> None:
    page = browser.get(page_of(make_finished_run(monitor))).content.decode()
    assert "progress/" not in page


def test_report__asked_for__is_made(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "drift")
    page = browser.post(page_of(run), follow=True)
    assert Report.objects.get().run_id == run.id
    assert "being made" in page_text(page)


def test_report__ready__is_linked(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "drift")
    Report.objects.create(
        tenant_id=run.tenant_id, run=run, status="ready", reference_rows=7, current_rows=5
    )
    page = browser.get(page_of(run)).content.decode()
    assert f"{run.id}/report" in page
    assert "of 7 and 5 rows" in page


def test_report__not_possible__says_why(
    browser: Client, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "find_spec", lambda name: None)
    page = browser.post(page_of(make_finished_run(monitor, "drift")), follow=True)
    assert "Evidently is not installed here" in page_text(page)
    assert not Report.objects.exists()


def test_report__of_a_viewer__is_forbidden(browser: Client, monitor: Monitor) -> None:
    Membership.objects.update(role=Role.VIEWER)
    run = make_finished_run(monitor, "drift")
    assert browser.post(page_of(run)).status_code == 403
    assert "Make Evidently" not in browser.get(page_of(run)).content.decode()
    assert not Report.objects.exists()


def test_run__hostile_words__are_inert(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "drift", reason=HOSTILE, requested_by=HOSTILE)
    moved = detail(HOSTILE, "drift", reason=HOSTILE, effect_size=1.0, tolerance=0.1)
    make_detection(run, "ks", "drift", details=[moved])
    page = browser.get(page_of(run)).content.decode()
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x") >= 4


def test_run__sensitive_feature__shows_no_value(browser: Client, in_tenant: Tenant) -> None:
    monitor = make_monitor(sensitive_features=["disease"])
    run = make_finished_run(monitor, "drift")
    moved = detail("disease", "drift", effect_size=1.0, tolerance=0.1)
    make_detection(run, "chi_squared", "drift", details=[moved])
    unread = detail("disease", "error", reason="‘measles’ is no number.")
    make_detection(run, "new_categories", "error", details=[unread])
    words = page_text(browser.get(page_of(run)))
    assert "disease" in words
    assert "measles" not in words


@pytest.mark.parametrize("part", ["", "progress/"])
def test_run__of_another_tenant__is_not_found(
    browser: Client, other_tenant: Tenant, part: str
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_finished_run(make_monitor(name="Secret monitor"))
    assert browser.get(f"{page_of(theirs)}{part}").status_code == 404
    assert browser.post(page_of(theirs)).status_code == 404


def test_run__300_features__fit_into_60_kb(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "drift")
    details = [
        detail(f"feature_{place}", effect_size=place / 1000, tolerance=0.5) for place in range(300)
    ]
    for method in ("ks", "psi", "null_rate", "range"):
        make_detection(run, method, details=details)
    page = browser.get(page_of(run))
    assert "Show 260 more features" in page_text(page)
    every = browser.get(f"{page_of(run)}?all").content
    assert b"feature_0<" in every
    assert len(gzip.compress(every)) <= 60_000


def test_old_address__of_a_run__leads_to_its_page(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor)
    answer = browser.get(f"/admin/detections/detectionrun/{run.id}/change/")
    assert (answer.status_code, answer["Location"]) == (302, page_of(run))
    missing = browser.get(f"/admin/detections/detectionrun/{uuid4()}/change/")
    assert missing["Location"] != page_of(run)


@pytest.mark.parametrize(
    ("reference", "anchor"), [("baseline", "method-ks"), ("seasonal", "method-ks-seasonal")]
)
def test_old_address__of_a_detection__leads_to_its_method(
    browser: Client, monitor: Monitor, reference: str, anchor: str
) -> None:
    run = make_finished_run(monitor, "drift")
    detection = make_detection(run, "ks", "drift", reference=reference)
    answer = browser.get(f"/admin/detections/detection/{detection.id}/change/")
    assert answer["Location"] == f"{page_of(run)}#{anchor}"
    assert f'id="{anchor}"' in browser.get(page_of(run)).content.decode()


def test_run__drifted__takes_at_most_15_queries(browser: Client, flights_monitor: Monitor) -> None:
    run = judged(flights_monitor, week=DRIFTED_WEEK)
    with at_most(15):
        browser.get(page_of(run))


def test_run__drift_above_the_budgets_level__says_so(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "drift", p_value=0.0321, opening_level=0.0017)
    text = page_text(browser.get(page_of(run)))
    assert "twice its p-value 0.0321 is above the false-alarm budget's level 0.0017." in text


def test_explain__asked_for__shows_what_the_worker_found(
    browser: Client, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=DRIFTED_WEEK)
    assert "Explain" in page_text(browser.get(page_of(run)))
    browser.post(page_of(run), {"do": "explain"})
    job = Job.objects.get(kind=Job.Kind.EXPLAIN_RUN)
    answer_job(tenant_id=str(run.tenant_id), job_id=str(job.id))
    job.refresh_from_db()
    words = page_text(browser.get(page_of(run)))
    assert json.loads(job.answer)["summary"] in html.unescape(words)
    assert "Explain again" in words


def test_explain__no_worker_yet__waits_and_asks_again(
    browser: Client, monitor: Monitor, absent_worker: None
) -> None:
    run = make_finished_run(monitor, "drift")
    page = browser.post(page_of(run), {"do": "explain"}, follow=True).content.decode()
    assert "looks for slices" in page
    assert f'hx-get="{page_of(run)}"' in page


def test_explain__of_a_viewer__is_forbidden(browser: Client, monitor: Monitor) -> None:
    Membership.objects.update(role=Role.VIEWER)
    run = make_finished_run(monitor, "drift")
    assert browser.post(page_of(run), {"do": "explain"}).status_code == 403
    assert 'value="explain"' not in browser.get(page_of(run)).content.decode()
    assert not Job.objects.exists()


def test_explain__hostile_condition__is_inert(browser: Client, monitor: Monitor) -> None:
    run = make_finished_run(monitor, "drift")
    each = dict.fromkeys(("rows", "psi", "rest_psi", "p_adjusted"), 0.5)
    found = {"summary": HOSTILE, "slices": [each | {"where": HOSTILE, "feature": HOSTILE}]}
    Job.objects.create(
        tenant_id=run.tenant_id, kind=Job.Kind.EXPLAIN_RUN, fields={"run": str(run.id)},
        status="succeeded", answer_status=200, answer=json.dumps(found), finished_at=timezone.now(),
    )  # fmt: skip
    assert HOSTILE not in browser.get(page_of(run)).content.decode()
