"""The pages for people: the API's documentation, without the internet, and what stands at `/`.

Swagger UI and ReDoc come from files of an installed package. Their pages hold no inline script, so that the content
security policy can forbid those.
"""

from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict

from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import NotFound

router = APIRouter(tags=["pages"], route_class=Route)

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
}
_STARTS = {
    "docs.js": """
const page = document.getElementById("page");
SwaggerUIBundle({
  url: page.dataset.openapi,
  domNode: page,
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
""",
    "redoc.js": """
const page = document.getElementById("page");
Redoc.init(page.dataset.openapi, { nativeScrollbars: true }, page);
""",
}
_LINKS = {
    "dashboard": "/app/",
    "documentation": "/docs",
    "reference": "/redoc",
    "openapi": "/openapi.json",
    "health": "/health",
}
_BY_ACCEPT = {"Vary": "Accept"}
_CACHED = {"Cache-Control": "public, max-age=3600"}
# Both write style elements at run time. ReDoc searches in a worker that it makes from a blob.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AgentOps API</title>
<link rel="icon" href="data:,">
{styles}
</head>
<body>
<div id="page" data-openapi="{root}/openapi.json"></div>
<noscript>This page needs JavaScript; the same is in <a href="{root}/openapi.json">openapi.json</a>.</noscript>
{scripts}
</body>
</html>
"""


class Welcome(BaseModel):
    """What this server is and where to go from here."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"name": "AgentOps API", "version": "0.1.0", "links": {"documentation": "/docs"}}]
        },
    )

    name: str = "AgentOps API"
    version: str
    """The server's version."""
    links: dict[str, str]
    """Paths on this server by what they are for."""


@router.get(
    "/",
    operation_id="get_root",
    summary="What this server is",
    response_model=Welcome,
    responses={303: {"description": "To the dashboard, for those who accept HTML."}, **responses(400)},
)
async def get_root(request: Request, response: Response) -> Welcome | Response:
    """Its name, its version and where its documentation is. Browsers are sent on to the dashboard."""
    root = _root(request)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"{root}/app/", 303, headers=_BY_ACCEPT)
    response.headers.update(_BY_ACCEPT)
    return Welcome(version=runtime(request).version, links={name: f"{root}{path}" for name, path in _LINKS.items()})


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Swagger UI, to try the API."""
    return _page(request, ("swagger-ui.css",), ("swagger-ui-bundle.js", "docs.js"))


@router.get("/redoc", include_in_schema=False)
async def redoc(request: Request) -> Response:
    """ReDoc, to read about the API."""
    return _page(request, (), ("redoc.standalone.js", "redoc.js"))


@router.get("/docs/assets/{name}", include_in_schema=False)
async def docs_asset(name: str) -> Response:
    """One of the few known files; a name is looked up, never joined to a path."""
    if name in _STARTS:
        return Response(_STARTS[name], media_type="text/javascript", headers=_CACHED)
    if name in _ASSETS:
        return FileResponse(_assets_dir() / name, media_type=_ASSETS[name], headers=_CACHED)
    raise NotFound("The documentation has no such file.")


@cache
def _assets_dir() -> Path:
    spec = find_spec("fastapi_offline")
    assert spec is not None, "a dependency of this package"
    assert spec.origin is not None, "an ordinary package"
    return Path(spec.origin).parent / "static"


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _page(request: Request, styles: tuple[str, ...], scripts: tuple[str, ...]) -> Response:
    root = escape(_root(request))
    html = _PAGE.format(
        root=root,
        styles="\n".join(f'<link rel="stylesheet" href="{root}/docs/assets/{name}">' for name in styles),
        scripts="\n".join(f'<script src="{root}/docs/assets/{name}"></script>' for name in scripts),
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": _CSP})
