"""A server at an address, for commands that work over HTTP. Refusals become errors with the server's own words."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import httpx2
import orjson
import typer

from agentops_api.errors import AgentOpsError
from agentops_api.version import VERSION

Url = Annotated[str, typer.Option(envvar="AGENTOPS_API_URL", help="The server's address.")]
Key = Annotated[str, typer.Option(envvar="AGENTOPS_API_KEY", help="An API key of the project, or an access token.")]
URL_DEFAULT = "http://localhost:8000"
_TIMEOUT_S = 90.0


class Refused(AgentOpsError):
    """The server does not do it."""


class Unreachable(AgentOpsError):
    """Nothing at the address answers, or it stopped in the middle."""


@contextmanager
def connect(url: str, key: str) -> Generator[httpx2.Client]:
    """A client that says who it is. Failures of the connection are raised as Unreachable."""
    headers = {"Authorization": f"Bearer {key}", "User-Agent": f"agentops/{VERSION}"}
    try:
        with httpx2.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S) as client:
            yield client
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Unreachable(f"The connection to {url} failed: {error or type(error).__name__}.") from error


def refuse(answer: httpx2.Response) -> NoReturn:
    """Raises what the server says in a problem document, as Refused."""
    try:
        problem = orjson.loads(answer.read())
        says = "; ".join(
            [problem["detail"], *(f"{each['field']} {each['message']}" for each in problem.get("errors", ()))]
        )
    except (ValueError, KeyError, TypeError):
        says = "Is this the address of an AgentOps API server?"
    raise Refused(f"The server answers {answer.status_code}: {says}")
