"""How long a project keeps what, and what else it wants gone."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

from agentops_api.errors import Invalid
from agentops_api.evaluations.models import NAME_CHARS_MAX, Metadata, Time

DAYS_MAX = 36_500
_Days = Annotated[int, Field(ge=1, le=DAYS_MAX), Strict()]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]


class Retention(BaseModel):
    """How long the project keeps what; null keeps for ever."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"raw_days": 30, "rollup_days": 365, "raw_from": "2026-10-25T00:00:00Z"}],
        },
    )

    raw_days: int | None = None
    """Days that evaluations are kept, with what was asked and answered. Their statistics stay."""
    rollup_days: int | None = None
    """Days that statistics are kept."""
    raw_from: datetime | None = None
    """Evaluations of earlier days were deleted."""


class ChangeRetention(BaseModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"raw_days": 30, "rollup_days": 365}]},
    )

    raw_days: _Days | None = None
    """Days to keep evaluations; null: for ever."""
    rollup_days: _Days | None = None
    """Days to keep statistics, at least `raw_days`; null: for ever."""

    def applied_to(self, retention: Retention) -> Retention:
        """The retention with these changes. Raises Invalid where statistics would go before their evaluations."""
        changed = retention.model_copy(update=self.model_dump(exclude_unset=True))
        if changed.rollup_days is not None and (changed.raw_days is None or changed.raw_days > changed.rollup_days):
            message = "must be at least `raw_days`: statistics are kept at least as long as their evaluations"
            raise Invalid(f"`rollup_days` {message}.", [{"field": "rollup_days", "message": message}])
        return changed


class Forecast(BaseModel):
    """What retention would delete now."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "evaluations": 120_000,
                    "evaluations_before": "2026-10-25T00:00:00Z",
                    "rollups": 0,
                    "rollups_before": "2025-11-24T00:00:00Z",
                }
            ]
        },
    )

    evaluations: int
    """How many evaluations would go."""
    evaluations_before: datetime | None
    """Those made before this time; null: none."""
    rollups: int
    """How many rows of statistics would go."""
    rollups_before: datetime | None
    """Those of days before this time; null: none."""


class Filter(BaseModel):
    """Which evaluations go: those for which everything that is given is true."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    agent_name: _Name | None = None
    """Answers to this agent."""
    session_id: _Name | None = None
    """Answers of this conversation."""
    metadata: Metadata | None = None
    """Answers whose metadata has each of these values, of the same type: `1` is not `"1"`."""
    before: Time | None = None
    """Answers made before this time (ISO 8601). Not given: before now."""

    @property
    def is_empty(self) -> bool:
        """Nothing was said of what goes."""
        return not (self.agent_name or self.session_id or self.metadata or self.before)


class DeletionRequest(BaseModel):
    """Evaluations that should be gone."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"filter": {"metadata": {"customer": "acme"}}, "dry_run": True}]},
    )

    filter: Filter
    """At least one condition."""
    dry_run: Annotated[bool, Strict()] = False
    """Only count what would go."""


class DeletionCount(BaseModel):
    """What a deletion would delete now."""

    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, json_schema_extra={"examples": [{"evaluations": 317}]}
    )

    evaluations: int
    """How many evaluations would go."""


def midnight(now: datetime, days: int) -> datetime:
    """The start, in UTC, of the first of that many days up to today: whole days are kept, and whole days go."""
    day = now.astimezone(UTC).date()
    # Nothing is older than this, and dates do not reach much further.
    return datetime.combine(day - timedelta(days=min(days, day.toordinal() - 1)), time(), UTC)
