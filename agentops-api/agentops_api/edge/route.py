"""A route that refuses query parameters which it does not have: a misspelt one would silently do nothing."""

from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from agentops_api.edge.problems import FIELDS_MAX
from agentops_api.errors import Invalid


class Route(APIRoute):
    """Raises Invalid for any query where the handler declares none; those that do forbid what they do not know."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["query_string"] and self.include_in_schema and not self.dependant.query_params:
            names = dict.fromkeys(QueryParams(scope["query_string"]))
            message = "is not a query parameter of this address"
            raise Invalid(
                "This address takes no query parameters.",
                [{"field": name, "message": message} for name in list(names)[:FIELDS_MAX]],
            )
        await super().handle(scope, receive, send)
