"""A person in a browser: signs in, counts what they do, and notes what the browser complains of."""

from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Response

from tests.browser.demo import Demo

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
QUALITY = 30
"""Of the screenshots, so that two screens of a long table stay below 100 kB."""
SERIOUS = ("serious", "critical")
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


class Visit:
    """One person's tab."""

    def __init__(self, browser: Browser, demo: Demo, *, size: str, theme: str) -> None:
        width, height = SIZES[size]
        self._context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        self._demo = demo
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.actions = 0
        self._listen()

    def _listen(self) -> None:
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", lambda request: self._note_foreign(request.url))
        self.page.on("response", self._note_response)
        self.page.on("dialog", self._note_dialog)

    def _note_console(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text}")

    def _note_foreign(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc != urlsplit(self._demo.url).netloc:
            self.complaints.append(f"foreign request: {url}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def _note_dialog(self, dialog: Any) -> None:
        self.complaints.append(f"a text of the data ran as a script: {dialog.message}")
        dialog.dismiss()

    def sign_in(self) -> None:
        self.open("/admin/login/")
        self.page.get_by_label("Username").fill(self._demo.user)
        self.page.get_by_label("Password").fill(self._demo.password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url("**/admin/")

    def open(self, path: str) -> None:
        """Open an address as a bookmark does; no action is counted."""
        self.page.goto(f"{self._demo.url}{path}")

    def click(self, target: Locator) -> None:
        """Click, and count it."""
        self.actions += 1
        target.click()

    def fill(self, target: Locator, text: str) -> None:
        """Type into a field, and count it."""
        self.actions += 1
        target.fill(text)

    def serious_violations(self) -> list[str]:
        """What axe finds to be serious or worse, with the places."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {node['html'][:160]}"
            for each in found
            if each["impact"] in SERIOUS
            for node in each["nodes"][:3]
        ]

    def overflows(self) -> bool:
        """True if the page scrolls sideways."""
        whole, shown = self.page.evaluate(WIDTHS)
        return bool(whole > shown)

    def screenshot(self, path: Path) -> None:
        """Write the page, at most two screens of it, as WebP."""
        size = self.page.viewport_size
        assert size is not None
        whole: int = self.page.evaluate("document.documentElement.scrollHeight")
        clip = {
            "x": 0,
            "y": 0,
            "width": size["width"],
            "height": min(whole, 2 * size["height"]),
            "scale": 1,
        }
        asked = {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True, "clip": clip}
        answer = self._context.new_cdp_session(self.page).send("Page.captureScreenshot", asked)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b64decode(answer["data"]))

    def end(self) -> None:
        """Close the tab.

        Raises:
            AssertionError: If the browser complained.
        """
        self._context.close()
        assert self.complaints == []
