"""Search: which evaluations have all of these words in prompt or response, newest first.

What is committed is found, no less and no more: places come from the filed words and from the queue of what is not
filed yet, and each is looked at. The work is bounded instead of the time: a search says where it stopped, and its
caller may go on from there.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, takewhile
from typing import LiteralString
from uuid import UUID

from agentops_api.db.pool import Tx
from agentops_api.db.where import Where
from agentops_api.evaluations.models import Evaluation, Filters, Position, SearchPage
from agentops_api.telemetry.tokens import PLAIN, Wanted, read
from agentops_api.telemetry.words import PERIOD

_CANDIDATES_MAX = 5_000
"""Evaluations that one search looks at."""
_DOUBTFUL_MAX = 1_000
"""Of those that need not have all words: a text of a megabyte takes long to look at."""
_SESSION_ROWS_MAX = 5_000
"""Evaluations of a session that is looked through itself; a longer one is found by the places of the words."""
_PLACES_BYTES_MAX = 2**20
"""Places of filed words, four bytes each, that one search reads; more only where one period alone has more."""
_PERIODS_AT_ONCE_MAX = 512
_FIRST_STEP_BYTES = 8 * 2**10
_GROWTH_MAX = 16
_ROOM = 1.3
"""What is read beyond what will do if there is as much further back."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
"""What times of evaluations are whole multiples of."""
_WIDE = 32
"""A word with so many times the places of the rarest is not read: to look at what the rarest has costs less. Of 8, 32
and 128 this one was the best for two words in 1M evaluations of some 50 words (November 2026)."""
_Due = tuple[datetime, int]
"""A period in which all words are, or something that is not filed yet; and how many bytes are to be read there."""


async def find(
    tx: Tx, text: str, where: Where, filters: Filters, *, columns: LiteralString, after: Position | None, limit: int
) -> SearchPage:
    """Up to `limit` evaluations that have all words of `text` and fulfil `where`, newest first, from behind `after`.

    A session has its own index, so a short one is looked through instead of the words' places. Raises Invalid when the
    text has no word, or more than ten.
    """
    wanted = await read(tx, text)
    # Plans for any values are good for all, and to plan a step takes longer than most steps.
    await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    walk, stems = _Walk(await _span(tx, where, filters, after), limit), wanted.stems
    if (span := walk.left) and filters.session_id is not None and await _is_short(tx, where, span):
        step = walk.step_in_session(span)
        walk.took(step, await _look(tx, wanted, where, columns, step))
        return walk.page()
    while span := walk.left:
        periods = span.periods
        narrow, due = await _due(tx, where, stems, periods)
        while due and (span := walk.left):
            step, due = walk.step(span, due, narrow, doubtful=wanted.has_phrases or len(narrow) < len(stems))
            walk.took(step, await _look(tx, wanted, where, columns, step))
        if span := walk.left:
            walk.span = span.before(periods[-1])
    return walk.page()


@dataclass(frozen=True, slots=True)
class _Span:
    """The times that are still to be looked through, both ends included."""

    oldest: datetime
    newest: datetime

    @property
    def periods(self) -> list[datetime]:
        """Starts of the newest periods, as many as are looked up at once, newest first."""
        oldest, newest = _period_of(self.oldest), _period_of(self.newest)
        count = min(_PERIODS_AT_ONCE_MAX, (newest - oldest) // PERIOD + 1)
        return [newest - n * PERIOD for n in range(count)]

    def since(self, time: datetime) -> "_Span":
        """Its part from that millisecond on: a cut within one would lose what it has before the cut."""
        return _Span(max(self.oldest, time - (time - _EPOCH) % _MILLISECOND), self.newest)

    def before(self, time: datetime) -> "_Span | None":
        """What is left when everything from `time` on was looked at."""
        newest = time - _MILLISECOND
        return _Span(self.oldest, newest) if newest >= self.oldest else None


@dataclass(frozen=True, slots=True)
class _Step:
    span: _Span
    periods: list[datetime]
    """Newest first; none where a session is looked through, whatever its words."""
    bytes: int
    """What is read of them."""
    stems: list[str]
    candidates_max: int
    rows_max: int


@dataclass(frozen=True, slots=True)
class _Seen:
    evaluations: list[Evaluation]
    until: datetime
    """Everything from this time on was looked at."""
    candidates: int


class _Walk:
    """Back through the times, in steps that grow until they fill the page, as far as one search may read."""

    def __init__(self, span: _Span | None, limit: int) -> None:
        self.span = span
        """What was not looked through yet."""
        self._limit = limit
        self._found: list[Evaluation] = []
        self._is_over = False
        """The page is full, or as much was looked at as one search may."""
        self._candidates_left, self._bytes_left = _CANDIDATES_MAX, _PLACES_BYTES_MAX
        self._step_bytes = _FIRST_STEP_BYTES

    @property
    def left(self) -> _Span | None:
        """What is still to be looked through."""
        return None if self._is_over else self.span

    def step(self, span: _Span, due: list[_Due], stems: list[str], *, doubtful: bool) -> tuple[_Step, list[_Due]]:
        """The next step, and what is due behind it."""
        taken, behind = _take(due, min(self._step_bytes, self._bytes_left))
        (newest, size), *further = taken
        if size > self._step_bytes and not further:
            # One period has more than that: its newest part will do, as if all lay evenly, and the rest stays due.
            end = min(span.newest, newest + PERIOD)
            part = span.since(end - (end - newest) * self._step_bytes / size)
            if part.oldest > newest:
                span, taken = part, [(newest, self._step_bytes)]
                behind = [(newest, size - self._step_bytes), *behind]
        step = _Step(
            span,
            [period for period, _ in taken],
            sum(size for _, size in taken),
            stems,
            min(self._candidates_left, _DOUBTFUL_MAX) if doubtful else self._candidates_left,
            self._limit + 1 - len(self._found),
        )
        return step, behind

    def step_in_session(self, span: _Span) -> _Step:
        """The only step through a session."""
        return _Step(span, [], 0, [], _DOUBTFUL_MAX, self._limit + 1)

    def took(self, step: _Step, seen: _Seen) -> None:
        self._found += seen.evaluations
        self.span = self.span and self.span.before(seen.until)
        self._candidates_left -= seen.candidates
        self._bytes_left -= step.bytes
        full = len(self._found) > self._limit
        self._is_over = full or seen.candidates == step.candidates_max or self._bytes_left <= 0
        most = self._step_bytes * _GROWTH_MAX
        if self._found and not full:
            # As many bytes as will fill the page at this density.
            read, missing = _PLACES_BYTES_MAX - self._bytes_left, self._limit + 1 - len(self._found)
            most = min(most, int(read * missing / len(self._found) * _ROOM))
        self._step_bytes = max(_FIRST_STEP_BYTES, most)

    def page(self) -> SearchPage:
        if len(self._found) > self._limit:
            last = self._found[self._limit - 1]
            return SearchPage(self._found[: self._limit], Position(last.created_at, last.id))
        if self.span is None:
            return SearchPage(self._found, None)
        return SearchPage(self._found, Position(self.span.newest + _MILLISECOND, UUID(int=0)))


def _take(due: list[_Due], most_bytes: int) -> tuple[list[_Due], list[_Due]]:
    """The first of them that are no more than that, but one at least; and the others."""
    sizes = accumulate(size for _, size in due)
    count = max(1, len([*takewhile(lambda size: size <= most_bytes, sizes)]))
    return due[:count], due[count:]


async def _span(tx: Tx, where: Where, filters: Filters, after: Position | None) -> _Span | None:
    """From the oldest to the newest evaluation that may be meant; None when there is none."""
    times = Where()
    times.add("project_id = %(project_id)s", project_id=where.params["project_id"])
    times.add("created_at >= %(start_date)s", start_date=filters.start_date)
    times.add("created_at < %(end_date)s", end_date=filters.end_date)
    times.add("created_at <= %(after_at)s", after_at=after.created_at if after else None)
    found = await tx.execute("SELECT min(created_at), max(created_at) FROM evaluations" + times.sql, times.params)
    row = await found.fetchone()
    if row is None or row[0] is None:
        return None
    return _Span(*row)


async def _is_short(tx: Tx, where: Where, span: _Span) -> bool:
    """Whether the session that is meant is worth looking through in these times, whatever the words."""
    found = await tx.execute(
        "SELECT count(*) FROM (SELECT FROM evaluations WHERE " + _IN_SESSION + " LIMIT %(rows_max)s + 1) AS first",
        where.params | {"oldest": span.oldest, "newest": span.newest, "rows_max": _SESSION_ROWS_MAX},
    )
    row = await found.fetchone()
    return row is not None and row[0] <= _SESSION_ROWS_MAX


_IN_SESSION: LiteralString = (
    "project_id = %(project_id)s AND session_id = %(session_id)s AND created_at BETWEEN %(oldest)s AND %(newest)s"
)


async def _due(tx: Tx, where: Where, stems: list[str], periods: list[datetime]) -> tuple[list[str], list[_Due]]:
    """The words whose places are worth reading, and where it is worth to look for them, newest first.

    Any of the words would do, since what is found is looked at.
    """
    params = {"project_id": where.params["project_id"], "stems": stems, "periods": periods}
    found = await tx.execute(_DUE, params)
    filed: dict[datetime, dict[str, int]] = {}
    queued: dict[datetime, int] = {}
    for period, word, size in await found.fetchall():
        if word is None:
            queued[period] = size
        else:
            filed.setdefault(period, {})[word] = size
    # What is queued may be filed before it is looked at: its words are looked up there, too.
    due = {period: by_word for period, by_word in filed.items() if len(by_word) == len(stems) or period in queued}
    totals = {stem: sum(by_word.get(stem, 0) for by_word in due.values()) for stem in stems}
    narrow = [stem for stem in stems if totals[stem] <= _WIDE * min(totals.values())]
    sizes = Counter(queued)
    for period, by_word in due.items():
        sizes[period] += sum(by_word.get(stem, 0) for stem in narrow)
    return narrow, sorted(sizes.items(), reverse=True)


_DUE: LiteralString = """
SELECT period, word, sum(pg_column_size(times)) FROM search_words
WHERE project_id = %(project_id)s AND period = ANY (%(periods)s::timestamptz[]) AND word = ANY (%(stems)s::text[])
GROUP BY period, word
UNION ALL
SELECT period, NULL, sum(pg_column_size(times)) FROM search_pending
WHERE project_id = %(project_id)s AND period = ANY (%(periods)s::timestamptz[])
GROUP BY period
"""


def _period_of(time: datetime) -> datetime:
    return _EPOCH + (time - _EPOCH) // PERIOD * PERIOD


# A place is where every word has one, or where something is queued. Lateral joins keep the order of their left side,
# and OFFSET 0 keeps each side as it stands: evaluations are read newest first, one by one, until there are enough.
_AT_PLACES: LiteralString = """
WITH places AS MATERIALIZED (
    -- They are in order, so the part that is meant is found by halving.
    SELECT period, 1 << array_position(%(stems)s::text[], word) AS bit,
           times[width_bucket(first_ms, times) : width_bucket(last_ms, times)] AS times
    FROM search_words, LATERAL (
        SELECT greatest(0, ceil(extract(epoch FROM %(oldest)s::timestamptz - period) * 1000) - 1)::integer AS first_ms,
               least(86400000, floor(extract(epoch FROM %(newest)s::timestamptz - period) * 1000))::integer AS last_ms
    ) AS bounds
    WHERE project_id = %(project_id)s AND period = ANY (%(periods)s::timestamptz[]) AND word = ANY (%(stems)s::text[])
), candidates AS MATERIALIZED (
    SELECT at
    FROM (
        SELECT period, ms FROM places, unnest(times) AS ms
        GROUP BY period, ms
        HAVING bit_or(bit) = (2 << cardinality(%(stems)s::text[])) - 2
        UNION
        SELECT period, ms FROM search_pending, unnest(times) AS ms
        WHERE project_id = %(project_id)s AND period = ANY (%(periods)s::timestamptz[])
        -- Kept apart, or the times of all places are made before it is known which count.
        OFFSET 0
    ) AS placed, LATERAL (SELECT period + ms * interval '1 millisecond' AS at) AS timed
    WHERE at BETWEEN %(oldest)s AND %(newest)s
    ORDER BY at DESC LIMIT %(candidates_max)s
)
"""
_AT_SESSION: LiteralString = (
    "WITH candidates AS MATERIALIZED (SELECT DISTINCT created_at AS at FROM evaluations WHERE "
    + _IN_SESSION
    + " ORDER BY at DESC LIMIT %(candidates_max)s)"
)
_LOOK: LiteralString = (
    """
SELECT (SELECT count(*) FROM candidates), (SELECT min(at) FROM candidates), found.*
FROM (VALUES (true)) AS always LEFT JOIN LATERAL (
    SELECT matching.*
    FROM (SELECT at FROM candidates ORDER BY at DESC OFFSET 0) AS newest_first, LATERAL (
        SELECT COLUMNS FROM evaluations CONDITIONS
        AND created_at = at AND (SELECT """
    + PLAIN
    + """ FROM (SELECT prompt || ' ' || response AS text OFFSET 0) AS given) ~ ALL (%(patterns)s::text[])
        ORDER BY id DESC OFFSET 0
    ) AS matching
    LIMIT %(rows_max)s
) AS found ON true
"""
)


async def _look(tx: Tx, wanted: Wanted, where: Where, columns: LiteralString, step: _Step) -> _Seen:
    params = where.params | {
        "periods": step.periods,
        "stems": step.stems,
        "patterns": wanted.patterns,
        "oldest": step.span.oldest,
        "newest": step.span.newest,
        "candidates_max": step.candidates_max,
        "rows_max": step.rows_max,
    }
    look = (_AT_PLACES if step.periods else _AT_SESSION) + _LOOK
    answer = await tx.execute(look.replace("COLUMNS", columns).replace("CONDITIONS", where.sql), params)
    rows = await answer.fetchall()
    candidates, oldest_candidate = rows[0][:2]
    return _Seen(
        evaluations=[Evaluation(*row[2:]) for row in rows if row[2] is not None],
        until=oldest_candidate if candidates == step.candidates_max else max([*step.periods[-1:], step.span.oldest]),
        candidates=candidates,
    )
