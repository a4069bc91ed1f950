"""The dashboard under `/app/`: files that its build made, and nothing else of this machine.

All of them are read once, so a path is looked up and never joined to a directory. Which encoding of a file is sent was
settled by the build too: nothing is compressed here. Knows nothing of what the dashboard does.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from agentops_api.edge.encodings import preferred
from agentops_api.edge.route import Route
from agentops_api.errors import NotFound

DIST = Path(__file__).parent.parent / "dashboard_dist"
INDEX = "index.html"
_SUFFIXES = {"br": ".br", "gzip": ".gz"}
"""By content coding, the best first."""
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
# Addresses of screens. Not one has a dot segment, a backslash, or what another decoding would make into one.
_SCREEN = re.compile(r"(?!assets(?:/|$))[A-Za-z0-9_~-]+(?:/[A-Za-z0-9_~-]+)*")
_IMMUTABLE = "public, max-age=31536000, immutable"
_FRESH = "no-cache"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AgentOps: the dashboard is not built</title>
<h1>The dashboard is not built</h1>
<p>Run <code>make dashboard</code> in the repository, then load this page again. <code>make run</code> does both.</p>
<p>The API works without it: see <a href="/docs">its documentation</a>.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the bundle."""

    media_type: str
    cache_control: str
    etag: str
    encodings: dict[str, bytes]
    """Its content by content coding; `identity` is always there."""


def router(directory: Path = DIST) -> APIRouter:
    """Serves the build in the directory, which is read when somebody first asks, and looked for until it is there."""
    files: dict[str, File] = {}
    routes = APIRouter(tags=["pages"], route_class=Route)

    @routes.get("/app", include_in_schema=False)
    @routes.get("/app/{path:path}", include_in_schema=False)
    async def dashboard(request: Request, path: str = "") -> Response:
        """One of the files, or the page itself, which shows the screen that the path names."""
        if not files:
            files.update(await to_thread.run_sync(read_bundle, directory))
        if not files:
            return HTMLResponse(_NOT_BUILT, 503, headers=_PAGE_HEADERS | {"Retry-After": "60"})
        file = files.get(path)
        if file is None:
            if path and not _SCREEN.fullmatch(path):
                raise NotFound("The dashboard has no such file.")
            file = files[INDEX]
        return _answer(request, file)

    return routes


def read_bundle(directory: Path) -> dict[str, File]:
    """The files of a build."""
    compressed = set(_SUFFIXES.values())
    paths = (path for path in directory.rglob("*") if path.is_file() and path.suffix not in compressed)
    files = {path.relative_to(directory).as_posix(): _read(path) for path in paths if not path.name.startswith(".")}
    # What is there without its entry is half a build.
    return files if INDEX in files else {}


def _read(path: Path) -> File:
    content = path.read_bytes()
    beside = {coding: path.with_name(path.name + suffix) for coding, suffix in _SUFFIXES.items()}
    encodings = {coding: other.read_bytes() for coding, other in beside.items() if other.exists()}
    return File(
        media_type=_TYPES.get(path.suffix) or guess_type(path.name)[0] or "application/octet-stream",
        # The build puts the hash of each of these into its name.
        cache_control=_IMMUTABLE if path.parent.name == "assets" else _FRESH,
        etag=sha256(content).hexdigest()[:32],
        encodings=encodings | {"identity": content},
    )


def _answer(request: Request, file: File) -> Response:
    coding = preferred(
        request.headers.get("accept-encoding", ""), tuple(each for each in file.encodings if each != "identity")
    )
    # Each encoding is a representation of its own (RFC 9110, section 8.8.3.3).
    etag = f'"{file.etag}"' if coding == "identity" else f'"{file.etag}-{coding}"'
    headers = {"Cache-Control": file.cache_control, "ETag": etag, "Vary": "Accept-Encoding"}
    if file.media_type.startswith("text/html"):
        headers |= _PAGE_HEADERS
    if _matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    if coding != "identity":
        headers["Content-Encoding"] = coding
    return Response(file.encodings[coding], headers=headers, media_type=file.media_type)


def _matches(if_none_match: str, etag: str) -> bool:
    """Whether the client has this very representation; compared weakly (RFC 9110, section 13.1.2)."""
    return etag in (each.strip().removeprefix("W/") for each in if_none_match.split(","))
