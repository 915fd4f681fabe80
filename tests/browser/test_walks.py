"""Ways through the pages, with each action counted."""

import csv
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.demo import Demo
from tests.browser.places import (
    PREDICTIONS,
    WATCHED,
    december_alert,
    older_drifted_run,
    worst_feature,
)
from tests.browser.visits import Visit

MOST_CLICKS_TO_A_DISTRIBUTION = 2
MOST_ACTIONS_TO_A_MONITOR = 12
DAYS = 90
HOSTILE = "<img src=x onerror=alert(1)>"
IS_MARKED = """() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== "none" || style.boxShadow !== "none";
}"""
PATIENCE_MS = 240_000
"""For what a worker does while the visitor waits."""


def write_own_csv(folder: Path) -> Path:
    """The orders of a shop in the last three months, up to now; a column has a hostile name."""
    chance = random.Random(7)
    path = folder / "orders.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ordered_at", "amount", "country", HOSTILE])
        for ago in range(DAYS * 24 * 60, 0, -12):
            at = datetime.now(UTC) - timedelta(minutes=ago)
            country = chance.choice(["DE", "FR", "IT", HOSTILE])
            amount = round(chance.lognormvariate(3, 0.5), 2)
            writer.writerow([f"{at:%Y-%m-%dT%H:%M:%SZ}", amount, country, chance.gauss(0, 1)])
    return path


def test_walk__home_to_the_drifted_distribution__takes_two_clicks(
    visit: Callable[..., Visit], demo: Demo
) -> None:
    visitor = visit()
    alert = december_alert(demo)
    visitor.click(visitor.page.locator(f"a[href='/admin/alerts/{alert['id']}/']").first)
    visitor.page.wait_for_url(f"**/alerts/{alert['id']}/")
    drifted = visitor.page.locator(f"svg.plot-distribution[aria-label^='{worst_feature(alert)}']")
    expect(drifted.locator(".bar-current").first).to_be_visible()
    assert visitor.actions <= MOST_CLICKS_TO_A_DISTRIBUTION


def test_walk__heat_map_cell__leads_to_that_window(visit: Callable[..., Visit], demo: Demo) -> None:
    visitor = visit()
    visitor.open(f"/admin/monitors/{demo.monitor(WATCHED)['id']}/")
    drifted = visitor.page.locator("svg.plot-heat a:has(.m-drift)").first
    day = re.search(r"\d{4}-\d\d-\d\d", drifted.get_attribute("aria-label") or "")
    assert day is not None
    visitor.click(drifted)
    expect(visitor.page.locator("svg.plot-distribution").first).to_be_visible()
    expect(visitor.page.locator(".screen h2").first).to_contain_text(day[0])


def test_walk__alert__is_acknowledged_with_a_reason(
    visit: Callable[..., Visit], demo: Demo
) -> None:
    visitor = visit()
    alert = december_alert(demo)["id"]
    visitor.open(f"/admin/alerts/{alert}/")
    visitor.page.locator("#acts summary").filter(has_text="Acknowledge").click()
    form = visitor.page.get_by_role("form", name="Acknowledge")
    form.get_by_label("Reason").select_option("expected")
    form.get_by_label("Note").fill(f"Storm in New York {HOSTILE}")
    form.get_by_role("button", name="Acknowledge").click()
    expect(visitor.page.locator("#timeline")).to_contain_text(f"Storm in New York {HOSTILE}")
    found = demo.get(f"/alerts/{alert}")
    assert (found["attention"], found["acknowledged_reason"]) == ("acknowledged", "expected")
    assert found["acknowledged_by"] == f"user:{demo.user}"


def test_walk__report__is_made_and_shown_below_the_verdict(
    visit: Callable[..., Visit], demo: Demo
) -> None:
    visitor = visit()
    visitor.open(f"/admin/runs/{older_drifted_run(demo)}/report/")
    visitor.click(visitor.page.locator(".screen button").first)
    report = visitor.page.locator("iframe.report")
    expect(report).to_be_visible(timeout=PATIENCE_MS)
    inside = report.content_frame
    expect(inside.locator("body")).to_contain_text("drift", ignore_case=True, timeout=PATIENCE_MS)


def test_walk__own_csv__is_watched_without_json(visit: Callable[..., Visit], demo: Demo) -> None:
    own = write_own_csv(demo.data)
    visitor = visit()
    visitor.click(visitor.page.locator("a[href='/admin/monitors/monitor/']").first)
    visitor.click(visitor.page.locator("a", has_text="New monitor").first)
    visitor.fill(visitor.page.get_by_label("A file, a folder, or a pattern of files"), str(own))
    visitor.click(visitor.page.get_by_role("button", name="Use this data"))
    expect(visitor.page.get_by_role("button", name="Check it")).to_be_visible(timeout=PATIENCE_MS)
    visitor.click(visitor.page.get_by_role("button", name="Check it"))
    expect(visitor.page.get_by_role("button", name="Save and start")).to_be_visible(
        timeout=PATIENCE_MS
    )
    visitor.click(visitor.page.get_by_role("button", name="Save and start"))
    done = visitor.page.get_by_role("link", name="Open the monitor")
    expect(done).to_be_visible(timeout=PATIENCE_MS)
    visitor.click(done)
    assert visitor.actions <= MOST_ACTIONS_TO_A_MONITOR
    monitor = demo.monitor("Orders")
    assert monitor["timestamp_column"] == "ordered_at"
    assert set(monitor["feature_columns"]) == {"amount", "country", HOSTILE}
    before = demo.get("/runs", monitor=monitor["id"])["results"]
    visitor.page.get_by_role("button", name="Run now").click()
    expect(visitor.page.locator("#work a[href^='/admin/runs/']").first).to_be_visible(
        timeout=PATIENCE_MS
    )
    made = demo.get("/runs", monitor=monitor["id"])["results"]
    assert len(made) == len(before) + 1
    assert demo.wait_for(f"/runs/{made[0]['id']}")["verdict"] == "ok"
    visitor.open(f"/admin/monitors/{monitor['id']}/feature/?name={quote(HOSTILE)}")
    expect(visitor.page.locator("svg.plot-distribution")).to_be_visible()


def test_walk__api_key__is_shown_once_rotated_and_revoked(
    visit: Callable[..., Visit], demo: Demo
) -> None:
    visitor = visit()
    page = visitor.page
    visitor.open("/admin/tenancy/apikey/add/")
    page.get_by_label("Name").fill("Of the walk")
    page.get_by_label("monitors:read").check()
    page.get_by_role("button", name="Make the key").click()
    first = page.locator("code.new-key").inner_text()
    assert demo.status_with(first) == 200
    visitor.open("/admin/tenancy/apikey/")
    assert first not in page.content()
    page.get_by_role("link", name="Of the walk").first.click()
    page.get_by_role("link", name="Rotate").click()
    page.get_by_label("Days that the old key still works").fill("0")
    page.get_by_role("button", name="Make the successor").click()
    second = page.locator("code.new-key").inner_text()
    assert (demo.status_with(first), demo.status_with(second)) == (401, 200)
    visitor.open("/admin/tenancy/apikey/?state=usable")
    page.get_by_role("link", name="Of the walk").first.click()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_text("is revoked")).to_be_visible()
    assert demo.status_with(second) == 401
    visitor.open("/admin/audit/auditentry/")
    expect(page.get_by_text("api_keys").first).to_be_visible()


def test_walk__other_tenant__shows_its_own_and_no_other(
    visit: Callable[..., Visit], demo: Demo
) -> None:
    tenant = demo.manage("create_tenant", "elsewhere", "--name", "Elsewhere").splitlines()[-1]
    demo.manage("add_member", tenant, demo.user, "--existing", "--role", "operator")
    visitor = visit()
    visitor.open("/admin/")
    visitor.page.get_by_text("unfold_more").first.click()
    visitor.page.get_by_role("button", name="Elsewhere").click()
    expect(visitor.page.locator("#nav-sidebar")).to_contain_text("Elsewhere")
    expect(visitor.page.locator("#content")).not_to_contain_text(WATCHED)
    answer = visitor.page.request.get(
        f"{demo.url}/admin/monitors/{demo.monitor(PREDICTIONS)['id']}/"
    )
    assert answer.status == 404


@pytest.mark.parametrize("path", ["/admin/", "/admin/monitors/monitor/"])
def test_walk__keyboard__reaches_the_page_and_shows_where_it_is(
    visit: Callable[..., Visit], path: str
) -> None:
    visitor = visit()
    visitor.open(path)
    for _ in range(40):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("document.activeElement.closest('#content') !== null"):
            break
    else:
        pytest.fail("Forty presses of the key do not lead into the page.")
    assert visitor.page.evaluate(IS_MARKED)
