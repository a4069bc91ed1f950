"""The dashboard in a real Chromium, on a real server: one of each for all of its tests."""

from collections.abc import AsyncGenerator, Generator

import pytest
from agentops_api.edge.dashboard import DIST, INDEX
from playwright.async_api import Browser, BrowserContext, expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server, Site, new_site, ready
from tests.dashboard.history import HISTORY
from tests.dashboard.people import Person, Tab, newcomer, open_tab

from scripts.chromium import browser, chromium, sign_in, window


@pytest.fixture(scope="session")
def site() -> Generator[Site]:
    if chromium() is None:
        pytest.skip("there is no Chromium here: install the package chromium, or set CHROMIUM")
    if not (DIST / INDEX).exists():
        pytest.skip("the dashboard is not built: make dashboard")
    with new_site() as made:
        yield made


@pytest.fixture(scope="session")
async def server(anyio_backend: str, site: Site) -> AsyncGenerator[Server]:
    started = site.spawn()
    await ready(started, 180)
    yield started
    assert started.errors() == []


@pytest.fixture(scope="session")
async def chrome(server: Server) -> AsyncGenerator[Browser]:
    expect.set_options(timeout=20_000)
    async with browser() as started:
        yield started


@pytest.fixture(scope="session")
async def person(server: Server) -> Person:
    """Somebody whose agents have been at work for a week."""
    ada = await newcomer(server)
    ada.history = await ada.send(*HISTORY)
    return ada


@pytest.fixture
async def outside(chrome: Browser, server: Server) -> AsyncGenerator[Tab]:
    """A tab of somebody who is not signed in."""
    url = f"http://127.0.0.1:{server.port}"
    async with window(chrome, url) as context:
        tab = await open_tab(context, url)
        yield tab
        await tab.assert_clean()


@pytest.fixture(scope="session")
async def signed_in(chrome: Browser, person: Person) -> AsyncGenerator[BrowserContext]:
    """The window of somebody with a history, which has loaded the dashboard before."""
    async with window(chrome, person.url) as context:
        await sign_in(context, person.email, PASSWORD)
        yield context


@pytest.fixture
async def tab(signed_in: BrowserContext, person: Person) -> AsyncGenerator[Tab]:
    """A tab of somebody with a history, signed in."""
    tab = await open_tab(signed_in, person.url)
    yield tab
    await tab.assert_clean()
    await tab.page.close()
