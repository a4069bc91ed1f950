"""A small application behind the real edge: one route for each way a request can end."""

import logging
from collections.abc import AsyncGenerator, Iterator
from typing import Annotated

import pytest
from agentops_api import errors
from agentops_api.edge import middleware, pages, problems
from agentops_api.edge.body import read_body
from agentops_api.settings import Settings
from fastapi import APIRouter, FastAPI, Query, Request
from httpx2 import ASGITransport, AsyncClient
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

router = APIRouter()
SECRET = "hunter22-hunter22"
RAISED: dict[str, Exception] = {
    "malformed": errors.Malformed("Cannot be read."),
    "unauthenticated": errors.Unauthenticated("Nobody."),
    "forbidden": errors.Forbidden("Not this."),
    "not-found": errors.NotFound("Nothing."),
    "conflict": errors.Conflict("Taken."),
    "too-large": errors.TooLarge("Less."),
    "unsupported": errors.UnsupportedEncoding("Plain."),
    "invalid": errors.Invalid("Wrong.", [{"field": "a.b", "message": "is wrong"}]),
    "limited": errors.TooManyRequests("Slowly.", retry_after_s=7),
    "unavailable": errors.Unavailable("Later.", retry_after_s=3),
    "misconfigured": errors.Misconfigured(f"SECRET_KEY {SECRET} is weak."),
    "teapot": HTTPException(418),
    "bug": RuntimeError(f"a bug near {SECRET}"),
}


class Account(BaseModel):
    """A body that holds something that must not be repeated."""

    email: str
    password: int


@router.get("/things")
async def things(limit: Annotated[int, Query(le=5)] = 1) -> dict[str, int]:
    """An ordinary answer."""
    return {"limit": limit}


@router.post("/accounts", status_code=201)
async def accounts(account: Account) -> dict[str, str]:
    """A body that FastAPI reads."""
    return {"email": account.email}


@router.post("/evaluations")
async def evaluations(request: Request) -> dict[str, int]:
    """A body that the handler reads."""
    return {"bytes": len(await read_body(request.receive, request.scope["headers"], bytes_max=1_000))}


@router.get("/raise/{name}")
async def fail(name: str) -> None:
    """Fails in the named way."""
    raise RAISED[name]


@router.get("/half")
async def half() -> StreamingResponse:
    """Fails after its answer began."""

    async def parts() -> AsyncGenerator[bytes]:
        yield b"begun"
        raise RuntimeError("in the middle")

    return StreamingResponse(parts(), headers={"Content-Length": "100"})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def small_app() -> FastAPI:
    """The small application."""
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings takes it, and does not say so
        allowed_origins=("https://dashboard.example",),
    )
    app = FastAPI(docs_url=None, redoc_url=None, telemetry={"tracing": False})
    problems.install(app)
    middleware.install(app, settings)
    app.include_router(router)
    app.include_router(pages.router)
    return app


@pytest.fixture
async def client(small_app: FastAPI) -> AsyncGenerator[AsyncClient]:
    """A caller; an exception that leaves the application fails the test."""
    async with AsyncClient(transport=ASGITransport(app=small_app), base_url="http://test") as client:
        yield client


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log, from DEBUG up."""
    with caplog.at_level(logging.DEBUG):
        yield caplog
