"""The addresses of all pages of the demo, found through the API as a person's links find them."""

from typing import Any
from urllib.parse import quote

from tests.browser.demo import Demo

WATCHED = "Late arrivals: inputs"
PREDICTIONS = "Late arrivals: predictions"
FEATURE = "dep_delay"


def places(demo: Demo) -> dict[str, str]:
    """The name of each page with its path."""
    monitor = demo.monitor(WATCHED)["id"]
    drifted = drifted_run(demo)
    alert = december_alert(demo)["id"]
    baseline = demo.get(f"/monitors/{monitor}/series", windows=1)["windows"][0]["baseline_id"]
    feature = f"/admin/monitors/{monitor}/feature/?name={quote(FEATURE)}&run={drifted}"
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
        "quotas": "/admin/tenancy/tenantquota/",
    }


def drifted_run(demo: Demo) -> str:
    """The newest run that found drift in the inputs."""
    monitor = demo.monitor(WATCHED)["id"]
    found = demo.get("/runs", monitor=monitor, verdict="drift", page_size=1)["results"]
    return str(found[0]["id"])


def backtest(demo: Demo, monitor: str) -> str:
    """A backtest of five weeks, after it ended."""
    asked = {
        "from": "2013-11-25T00:00:00-05:00",
        "to": "2013-12-30T00:00:00-05:00",
    }
    made = demo.post(f"/monitors/{monitor}/backtest", asked)["id"]
    return str(demo.wait_for(f"/backtests/{made}")["id"])


def december_alert(demo: Demo) -> Any:
    """The newest alert about the inputs."""
    monitor = demo.monitor(WATCHED)["id"]
    return demo.get("/alerts", monitor=monitor, page_size=1)["results"][0]
