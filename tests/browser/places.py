"""The addresses of all pages of the demo, found through the API as a person's links find them."""

from typing import Any
from urllib.parse import quote

from tests.browser.demo import Demo

WATCHED = "Late arrivals: inputs"
PREDICTIONS = "Late arrivals: predictions"


def places(demo: Demo) -> dict[str, str]:
    """The name of each page with its path."""
    monitor = demo.monitor(WATCHED)["id"]
    drifted = drifted_run(demo)
    make_report(demo, drifted)
    alert = december_alert(demo)["id"]
    baseline = demo.get(f"/monitors/{monitor}/series", windows=1)["windows"][0]["baseline_id"]
    feature = f"/admin/monitors/{monitor}/feature/?name={quote(worst_feature(december_alert(demo)))}&run={drifted}"
    return {
        "home": "/admin/",
        "monitors": "/admin/monitors/monitor/",
        "monitor": f"/admin/monitors/{monitor}/",
        "predictions": f"/admin/monitors/{demo.monitor(PREDICTIONS)['id']}/",
        "feature": feature,
        "run": f"/admin/runs/{drifted}/",
        "report": f"/admin/runs/{drifted}/report/",
        "alerts": "/admin/alerts/alert/",
        "alert": f"/admin/alerts/{alert}/",
        "tune": f"/admin/monitors/{monitor}/tune/",
        "new-monitor": "/admin/monitors/new/",
        "backtest": f"/admin/backtests/{backtest(demo, monitor)}/",
        "baseline": f"/admin/baselines/{baseline}/",
        "runs": "/admin/detections/detectionrun/",
        "detections": "/admin/detections/detection/",
        "channels": "/admin/alerts/channel/",
        "routes": "/admin/alerts/route/",
        "keys": "/admin/tenancy/apikey/",
        "new-key": "/admin/tenancy/apikey/add/",
        "members": "/admin/tenancy/membership/",
        "audit": "/admin/audit/auditentry/?q=monitors",
        "quotas": "/admin/tenancy/tenantquota/",
        "budget": "/admin/budget/",
        "connections": "/admin/monitors/storeconnection/",
    }


def drifted_run(demo: Demo) -> str:
    """The run over the latest window of the inputs that drifted."""
    return _drifted_runs(demo)[-1]


def older_drifted_run(demo: Demo) -> str:
    """The run over the first window of the inputs that drifted, for a report of its own."""
    return _drifted_runs(demo)[0]


def _drifted_runs(demo: Demo) -> list[str]:
    """The runs that found drift in the inputs, in the order of their windows."""
    monitor = demo.monitor(WATCHED)["id"]
    found = demo.get("/runs", monitor=monitor, verdict="drift")["results"]
    return [str(each["id"]) for each in sorted(found, key=lambda run: str(run["window_end"]))]


def make_report(demo: Demo, run: str) -> None:
    """Ask for Evidently's report of a run, and wait until it is made."""
    demo.post(f"/runs/{run}/report", {})
    assert demo.wait_for(f"/runs/{run}/report?as=json")["status"] == "ready"


def backtest(demo: Demo, monitor: str) -> str:
    """A backtest of five weeks, after it ended."""
    asked = {
        "from": "2013-11-25T00:00:00-05:00",
        "to": "2013-12-30T00:00:00-05:00",
    }
    made = demo.post(f"/monitors/{monitor}/backtest", asked)["id"]
    return str(demo.wait_for(f"/backtests/{made}")["id"])


def december_alert(demo: Demo) -> Any:
    """The alert about the inputs whose last drifted window ends in December."""
    monitor = demo.monitor(WATCHED)["id"]
    found = demo.get("/alerts", monitor=monitor, kind="statistical")["results"]
    return next(each for each in found if str(each["window_end"]).startswith("2013-12"))


def worst_feature(alert: Any) -> str:
    """The feature of an alert with the largest effect for its tolerance."""
    return str(alert["drifted_features"][0]["feature"])
