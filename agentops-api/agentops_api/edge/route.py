"""A route that refuses query parameters which it does not have, or which come twice: they would silently do nothing."""

from collections import Counter
from typing import ClassVar

from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from agentops_api.edge.problems import FIELDS_MAX
from agentops_api.errors import Invalid


class Route(APIRoute):
    """Raises Invalid for any query where the handler declares none; those that do forbid what they do not know."""

    repeatable: ClassVar[frozenset[str]] = frozenset()
    """Parameters that are lists, and so may come twice."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["query_string"] and self.include_in_schema:
            counts = Counter(name for name, _ in QueryParams(scope["query_string"]).multi_items())
            if not self.dependant.query_params:
                raise _invalid(list(counts), "is not a query parameter of this address")
            if repeated := [name for name, count in counts.items() if count > 1 and name not in self.repeatable]:
                raise _invalid(repeated, "is given more than once")
        await super().handle(scope, receive, send)


def _invalid(names: list[str], message: str) -> Invalid:
    fields = [{"field": name, "message": message} for name in names[:FIELDS_MAX]]
    return Invalid("The address's query cannot be read; see errors.", fields)
