"""Ways through the pages, with each action counted."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.demo import Demo
from tests.browser.places import WATCHED, december_alert
from tests.browser.visits import Visit

MOST_CLICKS_TO_A_DISTRIBUTION = 2
MOST_ACTIONS_TO_A_MONITOR = 12
HOSTILE = "<img src=x onerror=alert(1)>"
PATIENCE_MS = 180_000
"""For work that a worker does while the visitor waits."""


def test_walk__home_to_the_drifted_distribution__takes_two_clicks(
    visit: Callable[..., Visit], demo: Demo
) -> None:
    visitor = visit()
    alert = december_alert(demo)
    visitor.click(visitor.page.locator(f"a[href='/admin/alerts/{alert['id']}/']").first)
    expect(visitor.page.locator("svg.plot-distribution").first).to_be_visible()
    expect(visitor.page.locator("svg.plot-distribution .bar-current").first).to_be_visible()
    assert visitor.actions <= MOST_CLICKS_TO_A_DISTRIBUTION


def test_walk__heat_map_cell__leads_to_that_window(visit: Callable[..., Visit], demo: Demo) -> None:
    visitor = visit()
    visitor.open(f"/admin/monitors/{demo.monitor(WATCHED)['id']}/")
    drifted = visitor.page.locator("svg.plot-heat a:has(.m-drift)")
    shown = drifted.first.get_attribute("aria-label") or ""
    visitor.click(drifted.first)
    expect(visitor.page.locator("svg.plot-distribution")).to_be_visible()
    day = re.search(r"\d{4}-\d\d-\d\d", shown)
    assert day is not None
    expect(visitor.page.locator(".screen h2").first).to_contain_text(day[0])


def test_walk__alert__is_acknowledged_with_a_reason(
    visit: Callable[..., Visit], demo: Demo
) -> None:
    visitor = visit()
    alert = december_alert(demo)["id"]
    visitor.open(f"/admin/alerts/{alert}/")
    form = visitor.page.locator("form#acknowledge")
    form.get_by_label("Note").fill("Storm in New York")
    form.get_by_label("Reason").select_option("expected")
    form.get_by_role("button", name="Acknowledge").click()
    expect(visitor.page.locator("main, #content").first).to_contain_text("Storm in New York")
    found = demo.get(f"/alerts/{alert}")
    assert (found["attention"], found["acknowledged_reason"]) == ("acknowledged", "expected")
    assert found["acknowledged_by"] == f"user:{demo.user}"
