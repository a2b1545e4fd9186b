"""A real browser for tests of pages: Chromium, by keyboard if need be, and axe to judge each page.

A test module says ``from browser import browser, page`` and asks for ``page``; without Chromium it is skipped, or fails
in CI (see ``needs``). Scripts of pages do not run: no page needs one. axe runs beside the page, not on it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from console import Console, Person
from needs import needs
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 780}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module: while it runs so does its loop, and no test of another module could start one."""
    chromium = needs("chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(chromium), args=list(FLAGS))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a window of its own, that nobody is logged in on."""
    with new_page(browser) as page:
        yield page


def new_page(browser: Browser, *, viewport: Any = None, dark: bool = False, script: bool = True) -> Any:
    """Open a page in a window of its own; without ``script`` the browser runs none at all."""
    context = browser.new_context(
        viewport=viewport or WIDE, ignore_https_errors=True, locale="nl-NL", timezone_id="Europe/Amsterdam",
        color_scheme="dark" if dark else "light", java_script_enabled=script,
    )  # fmt: skip
    return _Closing(context)


class _Closing:
    def __init__(self, context: Any) -> None:
        self._context = context

    def __enter__(self) -> Page:
        return self._context.new_page()

    def __exit__(self, *_: object) -> None:
        self._context.close()


def log_in(page: Page, console: Console, person: Person) -> None:
    """Log in as a person does, by mouse."""
    page.goto(f"{console.url}/aanmelden")
    page.get_by_label("Gebruikersnaam").fill(person.login)
    page.get_by_label("Wachtwoord").fill(person.password)
    page.get_by_label("Code").fill(person.code())
    page.get_by_role("button", name="Aanmelden").click()


def wrong_with(page: Page, *rules: str) -> list[str]:
    """What axe finds wrong with this page by WCAG 2.2 AA and good practice, or by these rules alone."""
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": WCAG}
    found = Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]})
    return [f"{each['id']}: {[node['target'] for node in each['nodes'][:3]]}" for each in found.response["violations"]]
