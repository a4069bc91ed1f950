"""The documentation needs no internet and lets no script in but its own."""

import re

import pytest
from httpx2 import AsyncClient

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/redoc", "/redoc/"])
async def test_a_page_loads_nothing_from_elsewhere(client: AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "://" not in page.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|javascript:", page.text)
    linked = re.findall(r'(?:src|href)="(/docs/assets/[^"]+)"', page.text)
    assert linked
    for link in linked:
        asset = await client.get(link)
        assert asset.status_code == 200
        assert asset.headers["content-type"].startswith("text/css" if link.endswith("css") else "text/javascript")
        assert asset.headers["x-content-type-options"] == "nosniff"
        assert "max-age" in asset.headers["cache-control"]


@pytest.mark.parametrize(
    "name",
    [
        "favicon.png",
        "../__init__.py",
        "..%2f__init__.py",
        "..%5c__init__.py",
        "%2e%2e%2f%2e%2e%2f__init__.py",
        "..%252f__init__.py",
        "swagger-ui.css%00.js",
        "swagger-ui.css/",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "",
    ],
)
async def test_no_other_file_is_ever_served(client: AsyncClient, name: str) -> None:
    answer = await client.get(f"/docs/assets/{name}")
    if name == "swagger-ui.css/":
        # Paths answer with and without a trailing slash.
        assert answer.headers["content-type"].startswith("text/css")
        return
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
