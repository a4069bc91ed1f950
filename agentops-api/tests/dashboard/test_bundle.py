"""What a visitor downloads stays small, and comes from nowhere else."""

import re
from html.parser import HTMLParser

import pytest
from agentops_api.edge.dashboard import DIST, INDEX

ENTRY_BYTES_MAX = 240 * 1024
LAZY_BYTES_MAX = 60 * 1024
pytestmark = pytest.mark.skipif(not (DIST / INDEX).exists(), reason="the dashboard is not built: make dashboard")


class Linked(HTMLParser):
    """The scripts that the page loads at once."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: set[str] = set()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get("src") or given.get("href")
        if address:
            self.addresses.add(address)
            if tag == "script" or given.get("rel") == "modulepreload":
                self.scripts.add(address.removeprefix("/app/"))


def linked() -> Linked:
    page = Linked()
    page.feed((DIST / INDEX).read_text())
    return page


def gzipped_bytes(name: str) -> int:
    packed = DIST / f"{name}.gz"
    return (packed if packed.exists() else DIST / name).stat().st_size


def test_what_the_first_page_loads_is_small() -> None:
    scripts = linked().scripts
    assert scripts
    assert sum(map(gzipped_bytes, scripts)) <= ENTRY_BYTES_MAX


def test_what_a_screen_loads_when_it_is_first_shown_is_small() -> None:
    lazy = {f"assets/{path.name}" for path in (DIST / "assets").glob("*.js")} - linked().scripts
    assert lazy
    assert {name: size for name in lazy if (size := gzipped_bytes(name)) > LAZY_BYTES_MAX} == {}


def test_the_page_names_nobody_elsewhere_and_holds_no_script() -> None:
    assert all(address.startswith("/") for address in linked().addresses - {"/docs"})
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|<style|\sstyle=", (DIST / INDEX).read_text())


def test_every_text_is_there_in_both_encodings() -> None:
    texts = [path for path in (DIST / "assets").iterdir() if path.suffix in {".js", ".css"}]
    assert texts
    assert [
        path.name
        for path in texts
        for suffix in (".gz", ".br")
        if not (DIST / "assets" / f"{path.name}{suffix}").exists()
    ] == []
