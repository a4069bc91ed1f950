"""What a query may choose evaluations by: the same for the list, for exports, and but for times for the live tail."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from agentops_api.evaluations.models import NAME_CHARS_MAX, Filters, Score, Time

_Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]


class ChoiceQuery(BaseModel):
    """Anything but these is refused, because a misspelt filter would show everything."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())

    hallucinated: bool | None = None
    """Only answers with this verdict."""
    agent_name: _Name | None = None
    """Only answers to this agent."""
    model_name: _Name | None = None
    """Only answers of this model."""
    mode: _Name | None = None
    """Only answers checked in this way."""
    session_id: _Name | None = None
    """Only answers of this conversation."""
    min_hallucination_probability: Score | None = None
    """Only answers at least this likely to contain a hallucination."""

    def choice(self) -> Filters:
        """What the store is asked, of any time."""
        return Filters(**self.model_dump(include=set(ChoiceQuery.model_fields)))


class FilterQuery(ChoiceQuery):
    """The same of some time."""

    start_date: Time | None = None
    """Only answers from this time on (ISO 8601)."""
    end_date: Time | None = None
    """Only answers before this time (ISO 8601)."""

    def filters(self) -> Filters:
        """What the store is asked."""
        return Filters(**self.model_dump(include=set(FilterQuery.model_fields)))
