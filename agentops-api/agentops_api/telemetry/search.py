"""Search: which evaluations have all of these words in prompt or response, newest first.

What is committed is found, no less and no more: places come from the filed words and from the queue of what is not
filed yet, and each is looked at. The work is bounded instead of the time: a search says where it stopped, and its
caller may go on from there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

from agentops_api.db.pool import Tx
from agentops_api.db.where import Where
from agentops_api.errors import Invalid
from agentops_api.evaluations.models import Evaluation, Filters, Position, SearchPage
from agentops_api.telemetry.words import PERIOD, STEM_CHARS, WORDS_OF

WORDS_MAX = 10
_CANDIDATES_MAX = 5_000
"""Evaluations that one search looks at."""
_PLACES_BYTES_MAX = 2 * 2**20
"""Places of filed words, four bytes each, that one search reads; its last step may read as much again."""
_PERIODS_A_STEP_MAX = 512
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def find(
    tx: Tx, text: str, where: Where, filters: Filters, *, columns: LiteralString, after: Position | None, limit: int
) -> SearchPage:
    """Up to `limit` evaluations that have all words of `text` and fulfil `where`, newest first, from behind `after`.

    Raises Invalid when the text has no word, or more than ten.
    """
    words = await _words(tx, text)
    span = await _span(tx, where, filters, after)
    found: list[Evaluation] = []
    periods, candidates, places_bytes = 1, _CANDIDATES_MAX, _PLACES_BYTES_MAX
    while span:
        step = _Step(span, periods, candidates, limit + 1 - len(found))
        seen = await _look(tx, words, where, columns, step)
        found += seen.evaluations
        if len(found) > limit:
            last = found[limit - 1]
            return SearchPage(found[:limit], Position(last.created_at, last.id))
        span = span.before(seen.until)
        candidates -= seen.candidates
        places_bytes -= seen.places_bytes
        if span and (candidates <= 0 or places_bytes <= 0):
            return SearchPage(found, Position(seen.until, UUID(int=0)))
        # As far as the rest of the bound reaches at this density, but at most twice as far as the last step.
        reach = places_bytes * periods // max(1, seen.places_bytes)
        periods = max(1, min(2 * periods, reach, _PERIODS_A_STEP_MAX))
    return SearchPage(found, None)


async def _words(tx: Tx, text: str) -> list[str]:
    """The words, as the database that filed them makes them of a text."""
    found = await tx.execute(
        "SELECT DISTINCT word FROM " + WORDS_OF.replace("TEXT", "%(text)s") + " AS word WHERE word <> ''",
        {"text": text},
    )
    words = [word for (word,) in await found.fetchall()]
    if not 1 <= len(words) <= WORDS_MAX:
        message = f"must hold 1 to {WORDS_MAX} words to search for"
        raise Invalid(f"`q` {message}.", [{"field": "q", "message": message}])
    return words


@dataclass(frozen=True, slots=True)
class _Span:
    """The times that are still to be looked through, both ends included."""

    oldest: datetime
    newest: datetime

    def before(self, time: datetime) -> "_Span | None":
        """What is left when everything from `time` on was looked at."""
        newest = time - timedelta(milliseconds=1)
        return _Span(self.oldest, newest) if newest >= self.oldest else None


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


@dataclass(frozen=True, slots=True)
class _Step:
    span: _Span
    periods_max: int
    candidates_max: int
    rows_max: int

    @property
    def periods(self) -> list[datetime]:
        """Starts of the periods to look at, newest first."""
        oldest, newest = _period_of(self.span.oldest), _period_of(self.span.newest)
        count = min(self.periods_max, (newest - oldest) // PERIOD + 1)
        return [newest - n * PERIOD for n in range(count)]


def _period_of(time: datetime) -> datetime:
    return _EPOCH + (time - _EPOCH) // PERIOD * PERIOD


@dataclass(frozen=True, slots=True)
class _Seen:
    evaluations: list[Evaluation]
    until: datetime
    """Everything from this time on was looked at."""
    candidates: int
    places_bytes: int


# A place is where every word has one, or where something is queued. Lateral joins keep the order of their left side,
# and OFFSET 0 keeps each side as it stands: evaluations are read newest first, one by one, until there are enough.
_LOOK: LiteralString = r"""
WITH places AS MATERIALIZED (
    SELECT period, word, times FROM search_words
    WHERE project_id = %(project_id)s AND period = ANY (%(periods)s::timestamptz[]) AND word = ANY (%(stems)s::text[])
), candidates AS MATERIALIZED (
    SELECT at
    FROM (
        SELECT period, ms FROM places, unnest(times) AS ms
        GROUP BY period, ms
        HAVING bit_or(1 << array_position(%(stems)s::text[], word)) = (2 << cardinality(%(stems)s::text[])) - 2
        UNION
        SELECT period, ms FROM search_pending, unnest(times) AS ms
        WHERE project_id = %(project_id)s AND period = ANY (%(periods)s::timestamptz[])
    ) AS placed, LATERAL (SELECT period + ms * interval '1 millisecond' AS at) AS timed
    WHERE at BETWEEN %(oldest)s AND %(newest)s
    ORDER BY at DESC LIMIT %(candidates_max)s
)
SELECT (SELECT coalesce(sum(pg_column_size(times)), 0) FROM places),
       (SELECT count(*) FROM candidates), (SELECT min(at) FROM candidates), found.*
FROM (VALUES (true)) AS always LEFT JOIN LATERAL (
    SELECT matching.*
    FROM (SELECT at FROM candidates ORDER BY at DESC OFFSET 0) AS newest_first, LATERAL (
        SELECT COLUMNS FROM evaluations CONDITIONS
        AND created_at = at AND lower(prompt || ' ' || response) ~ ALL (%(patterns)s::text[])
        ORDER BY id DESC OFFSET 0
    ) AS matching
    LIMIT %(rows_max)s
) AS found ON true
"""


async def _look(tx: Tx, words: list[str], where: Where, columns: LiteralString, step: _Step) -> _Seen:
    periods = step.periods
    params = where.params | {
        "periods": periods,
        "stems": list({word[:STEM_CHARS] for word in words}),
        "patterns": [rf"\m{word}\M" for word in words],
        "oldest": step.span.oldest,
        "newest": step.span.newest,
        "candidates_max": step.candidates_max,
        "rows_max": step.rows_max,
    }
    answer = await tx.execute(_LOOK.replace("COLUMNS", columns).replace("CONDITIONS", where.sql), params)
    rows = await answer.fetchall()
    places_bytes, candidates, oldest_candidate = rows[0][:3]
    return _Seen(
        evaluations=[Evaluation(*row[3:]) for row in rows if row[3] is not None],
        until=oldest_candidate if candidates == step.candidates_max else periods[-1],
        candidates=candidates,
        places_bytes=places_bytes,
    )
