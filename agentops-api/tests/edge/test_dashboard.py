"""The dashboard's files are served as they were built, and nothing else of this machine is."""

import gzip
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from agentops_api.edge import dashboard, middleware, pages, problems
from agentops_api.settings import Settings
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

pytestmark = pytest.mark.anyio
PAGE, SCRIPT = b"<!doctype html><title>AgentOps</title>", b"console.log('hello')"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    directory = tmp_path / "dist"
    (directory / "assets").mkdir(parents=True)
    (tmp_path / "secret.js").write_text("a secret")
    for name, content in (("index.html", PAGE), ("assets/main-1a2b3c.js", SCRIPT), ("theme.js", b"let theme")):
        (directory / name).write_bytes(content)
    for name in ("index.html", "assets/main-1a2b3c.js"):
        (directory / f"{name}.gz").write_bytes(gzip.compress((directory / name).read_bytes()))
    (directory / ".built-from").write_text("a hash")
    return directory


@pytest.fixture
async def browser(build: Path) -> AsyncGenerator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(app=app_with(build)), base_url="http://test") as client:
        yield client


def app_with(build: Path) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, telemetry={"tracing": False})
    problems.install(app)
    app.include_router(pages.router)
    app.include_router(dashboard.router(build))
    middleware.install(app, Settings(_env_file=None))  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
    return app


@pytest.mark.parametrize(
    "path", ["/app", "/app/", "/app/evaluations", "/app/evaluations/beside/a-1/b-2", "/app/compare/"]
)
async def test_every_screens_address_shows_the_page(browser: AsyncClient, path: str) -> None:
    page = await browser.get(path)
    assert (page.status_code, page.content) == (200, PAGE)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"


async def test_a_file_with_a_hash_in_its_name_is_kept_for_good_and_others_are_asked_about(browser: AsyncClient) -> None:
    script = await browser.get("/app/assets/main-1a2b3c.js", headers={"Accept-Encoding": "identity"})
    assert script.content == SCRIPT
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await browser.get("/app/theme.js")).headers["cache-control"] == "no-cache"


async def test_each_encoding_is_sent_as_it_was_built_and_known_by_its_own_tag(browser: AsyncClient) -> None:
    plain = await browser.get("/app/", headers={"Accept-Encoding": "br"})
    assert "content-encoding" not in plain.headers, "there is no such file"
    packed = await browser.get("/app/", headers={"Accept-Encoding": "br, gzip"})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", PAGE)
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    for tag, status in ((packed.headers["etag"], 304), (f'"x", W/{packed.headers["etag"]}', 304), ('"x"', 200)):
        again = await browser.get("/app/", headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
        assert again.status_code == status
        assert again.headers["etag"] == packed.headers["etag"]
        assert "content-security-policy" in again.headers
    assert not (
        await browser.get("/app/", headers={"If-None-Match": packed.headers["etag"], "Accept-Encoding": "gzip"})
    ).content


@pytest.mark.parametrize(
    "path",
    [
        "assets/none.js", "assets", "assets/", ".built-from", "index.html.gz", "favicon.ico", "x.html",
        "..%2fsecret.js", "%2e%2e/secret.js", "..%5csecret.js", "..%252fsecret.js", "assets/..%2f..%2fsecret.js",
        "assets/%2e%2e/%2e%2e/secret.js", "theme.js%00.css", "%2fetc%2fpasswd", "/etc/passwd", "a//b",
        "%5c%5chost",
    ],
)  # fmt: skip
async def test_no_other_file_is_ever_served(browser: AsyncClient, path: str) -> None:
    answer = await browser.get(f"/app/{path}")
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


async def test_where_it_is_not_built_a_page_says_how_and_it_is_there_once_it_is(build: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    async with AsyncClient(transport=ASGITransport(app=app_with(later)), base_url="http://test") as client:
        missing = await client.get("/app/evaluations")
        assert missing.status_code == 503
        assert "make dashboard" in missing.text
        build.rename(later)
        assert (await client.get("/app/evaluations")).content == PAGE


async def test_a_browser_at_the_root_is_sent_to_the_dashboard(browser: AsyncClient) -> None:
    sent = await browser.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (sent.status_code, sent.headers["location"], sent.headers["vary"]) == (303, "/app/", "Accept")
