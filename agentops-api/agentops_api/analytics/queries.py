"""What analytics may be asked: periods, filters and splits as query parameters. Knows no HTTP server and no SQL."""

import re
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from agentops_api.analytics.figures import Metric
from agentops_api.analytics.models import MEASURES, METADATA_PREFIX, Group, Measure, Question
from agentops_api.analytics.windows import DAYS_MAX, Interval, Window, window_of
from agentops_api.errors import Invalid
from agentops_api.evaluations.models import NAME_CHARS_MAX, LocalTime

ROWS_DAYS_MAX = 31
"""Questions that rollups cannot answer read the evaluations themselves, of so many days at the most."""
ROWS_MAX = timedelta(days=ROWS_DAYS_MAX, hours=2)
"""So many days until now are longer by less than an hour at each end, when both are widened to whole hours: by an hour
together, or by up to 1.5 hours where the clock was moved by half an hour between them (Lord Howe Island)."""
GROUPS_MAX = 500
SERIES_MAX = 20
POINTS_MAX = 50_000
"""Of all series of one answer: to write more of them would hold up the others."""
SideName = Literal["base", "candidate"]
_NAMES = ("agent_name", "model_name", "mode")
_Name = Annotated[str, StringConstraints(max_length=NAME_CHARS_MAX)]
_MetadataName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]


Split = Annotated[
    str,
    StringConstraints(
        max_length=NAME_CHARS_MAX + len(METADATA_PREFIX), pattern=r"^(agent|model|mode|session|metadata:[^\x00]+)$"
    ),
]


def _different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("must differ from each other")
    return names


class InPeriod(BaseModel):
    """A period, as it is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())

    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] | None = None
    """The last so many days, until now. Instead of `start` and `end`; 7 where nothing is given."""
    start: LocalTime | None = None
    """Where the period begins (ISO 8601), included; widened to a whole hour. Without an offset, it is the zone's."""
    end: LocalTime | None = None
    """Where it ends, not included. Not given: now."""
    time_zone: Annotated[str, StringConstraints(max_length=64)] = "UTC"
    """The IANA zone on whose calendar days, weeks and hours begin, and of times without an offset."""

    def window(self, now: datetime) -> Window:
        """The period. Raises Invalid."""
        return window_of(now=now, time_zone=self.time_zone, days=self.days, start=self.start, end=self.end)


class Asked(InPeriod):
    """The period and the filters that every question of analytics has."""

    agent_name: _Name | None = None
    """Only answers to this agent; empty: those without one."""
    model_name: _Name | None = None
    """Only answers of this model; empty: those without one."""
    mode: _Name | None = None
    """Only answers checked in this way; empty: those without one."""
    session_id: _MetadataName | None = None
    """Only answers of this conversation. Reads the evaluations themselves, of at most 31 days."""
    metadata_key: _MetadataName | None = None
    """Only answers whose metadata has `metadata_value` under this key. Reads the evaluations themselves."""
    metadata_value: Annotated[str, StringConstraints(max_length=NAME_CHARS_MAX)] | None = None
    """The value, as text; empty: the empty text, not a key without a value."""

    def question(
        self,
        window: Window,
        *,
        boundaries: list[datetime] | None = None,
        by: tuple[str, ...] = (),
        histograms: tuple[Measure, ...] = (),
        minutes: bool = False,
        periods: int = 1,
    ) -> Question:
        """The question to the store. Raises Invalid for what would read too many evaluations, in each of `periods`."""
        metadata = None
        if self.metadata_key is not None and self.metadata_value is not None:
            metadata = self.metadata_key, self.metadata_value
        elif self.metadata_key is not None or self.metadata_value is not None:
            raise _invalid("metadata_value", "and `metadata_key` go together")
        question = Question(
            window.start,
            window.end,
            boundaries or [window.start],
            Group(self.agent_name, self.model_name, self.mode),
            session_id=self.session_id,
            metadata=metadata,
            by=by,
            histograms=histograms,
            minutes=minutes,
        )
        if question.needs_rows and question.end - question.start > ROWS_MAX * periods:
            raise _invalid(
                "start",
                f"must be at most {ROWS_DAYS_MAX} days before `end` for what rollups do not tell apart: minutes,"
                " sessions and metadata",
            )
        return question


class SummaryQuery(Asked):
    """A period, beside the one before it."""


class TimeseriesQuery(Asked):
    """A metric over time."""

    metric: Annotated[list[Metric], Field(min_length=1, max_length=6), AfterValidator(_different)] = ["count"]
    """What to show; may be given up to six times, for different ones."""
    interval: Interval = "day"
    """How long a bucket is: minute, hour, day or week."""
    split: Literal["agent", "model", "mode"] | None = None
    """A series for each of these, instead of one for all."""
    top: Annotated[int, Field(ge=1, le=SERIES_MAX)] = 5
    """So many series, the largest ones; what is left is one more, `other`."""


class BreakdownQuery(Asked):
    """Groups beside each other."""

    by: Annotated[list[Split], Field(min_length=1, max_length=2), AfterValidator(_different)] = ["model"]
    """One or two of: agent, model, mode, session, metadata:<key>. Given twice for two, which must differ."""
    sort: Metric = "count"
    """The metric to sort by; groups without it come last."""
    order: Literal["desc", "asc"] = "desc"
    """Largest or smallest first."""
    limit: Annotated[int, Field(ge=1, le=GROUPS_MAX)] = 50
    """Groups to show; `groups` says how many there are."""


class DistributionQuery(Asked):
    """How a measure is spread."""

    measure: Measure = "latency"
    """One of latency, probability, drift, support, uncertainty, throughput."""
    bins: Annotated[int, Field(ge=2, le=100)] = 40
    """Bars at the most."""


class CompareQuery(Asked):
    """Two sets of evaluations: what is not said of one is as it is for both."""

    base_start: LocalTime | None = None
    """Where the first set's period begins."""
    base_end: LocalTime | None = None
    """Where it ends."""
    base_agent_name: _Name | None = None
    """Its agent."""
    base_model_name: _Name | None = None
    """Its model."""
    base_mode: _Name | None = None
    """Its mode."""
    candidate_start: LocalTime | None = None
    """Where the second set's period begins."""
    candidate_end: LocalTime | None = None
    """Where it ends."""
    candidate_agent_name: _Name | None = None
    """Its agent."""
    candidate_model_name: _Name | None = None
    """Its model."""
    candidate_mode: _Name | None = None
    """Its mode."""
    tolerance: Annotated[float, Field(ge=0, le=10)] = 0.0
    """A figure may be worse by this fraction (0.1: a tenth) without being a regression."""

    def sides(self, now: datetime) -> tuple["AskedSide", "AskedSide"]:
        """Base and candidate. Raises Invalid, which names the parameters as they were sent, also where both are the
        very same set: of that every comparison says that nothing is worse."""
        base, candidate = self._side("base", now), self._side("candidate", now)
        if (base.window, base.question.group) == (candidate.window, candidate.question.group):
            sent = [f"{name}_{field}" for name in ("base", "candidate") for field in self._own(name)]
            raise _invalid(
                sent[0] if sent else "base_model_name",
                "leaves base and candidate the same evaluations; tell them apart by `base_agent_name`,"
                " `base_model_name`, `base_mode`, or `base_start` and `base_end` (in whole hours), and by"
                " `candidate_agent_name`, `candidate_model_name`, `candidate_mode`, `candidate_start`, `candidate_end`",
            )
        return base, candidate

    def _side(self, name: SideName, now: datetime) -> "AskedSide":
        own = self._own(name)
        # A period of its own takes the place of the days for both.
        replaced = {"days"} if own.keys() & {"start", "end"} else set[str]()
        asked = Asked.model_validate(self.model_dump(include=Asked.model_fields.keys() - replaced) | own)
        try:
            window = asked.window(now)
            return AskedSide(asked, window, asked.question(window, histograms=MEASURES))
        except Invalid as refused:
            sent = {field: f"{name}_{field}" for field in own}
            if "end" in own and self.start is None:
                sent["start"] = f"{name}_start"
            raise _renamed(refused, sent) from refused

    def _own(self, name: SideName) -> dict[str, object]:
        """What is said of this side alone."""
        fields = {field: getattr(self, f"{name}_{field}") for field in ("start", "end", *_NAMES)}
        return {field: value for field, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AskedSide:
    """One of the two sets that are compared."""

    asked: Asked
    window: Window
    question: Question

    def overlaps(self, other: "AskedSide") -> bool:
        """Whether an evaluation can be on both sides."""
        names = zip(astuple(self.question.group), astuple(other.question.group), strict=True)
        return (
            self.window.start < other.window.end
            and other.window.start < self.window.end
            and all(mine is None or theirs is None or mine == theirs for mine, theirs in names)
        )


def _renamed(refused: Invalid, names: dict[str, str]) -> Invalid:
    """The refusal, with these parameters called otherwise."""

    def renamed(text: str) -> str:
        return re.sub("`([a-z_]+)`", lambda found: f"`{names.get(found[1], found[1])}`", text)

    fields = [
        {"field": names.get(each["field"], each["field"]), "message": renamed(each["message"])}
        for each in refused.fields
    ]
    return Invalid(renamed(str(refused)), fields)


def _invalid(field: str, rule: str) -> Invalid:
    return Invalid(f"`{field}` {rule}.", [{"field": field, "message": rule}])
