"""Chat completions: the strictest format of an answer that the endpoint takes, found out by asking."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from agentops.judge.answer import content_of
from agentops.judge.endpoint import Endpoint, Failed

_NOT_UNDERSTOOD = {400, 415, 422, 501}
_PATH = "/chat/completions"


class Chat:
    """Asks a model. It remembers what the endpoint did not take, and threads may share that."""

    def __init__(self, endpoint: Endpoint, options: Mapping[str, Any]) -> None:
        """`options` are further fields of each request, such as `temperature`."""
        self._endpoint = endpoint
        self._options = dict(options)
        self._level = 0

    def ask(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        until: float,
        output_tokens: int,
        schema: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> str:
        """The text of the answer, before that moment of the monotonic clock. Raises Failed and Unreadable.

        With a schema it asks for JSON by that schema, else for any JSON, else for text, as the endpoint lets it.
        """
        formats = _formats(schema)
        level = min(self._level, len(formats) - 1)
        while True:
            sent = self._options
            body = {"model": self._endpoint.model, "messages": messages, **sent, **options, **formats[level]}
            try:
                answer = self._endpoint.ask(_PATH, body, until=until, output_tokens=output_tokens)
            except Failed as error:
                if error.status not in _NOT_UNDERSTOOD or time.monotonic() >= until:
                    raise
                # Reasoning models refuse a temperature, and say so by its name. Another thread may know it already.
                refused = [name for name in sent if name in str(error)]
                if refused:
                    self._options = {name: value for name, value in self._options.items() if name not in refused}
                elif level + 1 < len(formats):
                    level += 1
                else:
                    raise
            else:
                if schema:
                    self._level = level
                return content_of(answer)


def _formats(schema: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if schema is None:
        return [{}]
    strict = {"name": "verdicts", "strict": True, "schema": schema}
    return [
        {"response_format": {"type": "json_schema", "json_schema": strict}},
        {"response_format": {"type": "json_object"}},
        {},
    ]
