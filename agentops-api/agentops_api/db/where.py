"""Optional filters, joined from literals, so that no value ever becomes SQL."""

from typing import LiteralString


class Where:
    """Collects conditions and their parameters: `where.add("agent_name = %(agent_name)s", agent_name=name)`."""

    def __init__(self) -> None:
        self._conditions: list[LiteralString] = []
        self.params: dict[str, object] = {}

    def add(self, condition: LiteralString, **params: object) -> None:
        """Adds the condition, unless every parameter it came with is None."""
        if params and all(value is None for value in params.values()):
            return
        self._conditions.append(condition)
        self.params.update(params)

    @property
    def sql(self) -> LiteralString:
        """` WHERE …`, or nothing."""
        return " WHERE " + " AND ".join(self._conditions) if self._conditions else ""
