"""The words of evaluations: how they are queued, filed and forgotten. `telemetry/search.py` looks them up.

What a word is: `telemetry/tokens.py`. Filing costs more than storing an evaluation, so it is done in the background:
who writes or deletes evaluations only queues their times, and takes part in no lock. The tables are made in the second
migration; why they look so: docs/adr/0006-words-filed-in-the-background.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from agentops_api.db.pool import Tx
from agentops_api.telemetry.tokens import WORDS_OF

PERIOD = timedelta(days=1)
"""What a row of the index stands for: it bounds how many places of a common word are read at once."""
_BYTES_A_RUN = 2 * 2**20
"""Text filed in one transaction: about a second."""
_ROWS_A_RUN = 5_000
"""Rows of the queue read for that: each evaluation that is deleted has one, and millions may be."""

_PERIOD_OF: LiteralString = "date_bin('1 day', created_at, '2000-01-01T00:00:00Z')"
_MS: LiteralString = "(extract(epoch FROM created_at - period) * 1000)::integer"
"""Nothing is rounded here: evaluations are made at whole milliseconds."""
STEM: LiteralString = "left(word, 64)"

_QUEUE: LiteralString = (
    "INSERT INTO search_pending (project_id, period, times, bytes)"
    " SELECT project_id, period, array_agg(DISTINCT " + _MS + "), sum(octet_length(prompt) + octet_length(response))"
    " FROM SOURCE AS source, " + _PERIOD_OF + " AS period GROUP BY project_id, period"
)
_QUEUE_GONE: LiteralString = (
    "INSERT INTO search_pending (project_id, period, times, bytes, gone)"
    " SELECT project_id, period, ARRAY[" + _MS + "], octet_length(prompt) + octet_length(response),"
    " ARRAY(SELECT DISTINCT " + STEM + " FROM " + WORDS_OF.replace("TEXT", "prompt || ' ' || response") + ")"
    " FROM SOURCE AS source, " + _PERIOD_OF + " AS period"
)


def queued(source: LiteralString) -> LiteralString:
    """An INSERT that queues the rows of a relation that has the columns of `evaluations`."""
    return _QUEUE.replace("SOURCE", source)


def queued_gone(source: LiteralString) -> LiteralString:
    """The same for rows that are being deleted: their words go, where no other evaluation of that time has them."""
    return _QUEUE_GONE.replace("SOURCE", source)


async def due(tx: Tx) -> dict[UUID, int]:
    """Bytes of text queued for each project; asked as the system."""
    found = await tx.execute("SELECT project_id, sum(bytes)::bigint FROM search_pending GROUP BY project_id")
    return dict(await found.fetchall())


async def requeue(tx: Tx, project_id: UUID) -> None:
    """Forgets every word of the project and queues all its evaluations; they stay findable meanwhile."""
    await _lock(tx, project_id)
    await tx.execute(
        """
        WITH gone AS (DELETE FROM search_words WHERE project_id = %(project_id)s),
             due AS (DELETE FROM search_pending WHERE project_id = %(project_id)s)
        INSERT INTO search_pending (project_id, period, times, bytes)
        SELECT project_id, period, array_agg(DISTINCT ms), sum(bytes)
        FROM (
            SELECT project_id, period, """
        + _MS
        + """ AS ms, octet_length(prompt) + octet_length(response) AS bytes,
                   row_number() OVER (PARTITION BY period ORDER BY created_at) / 1000 AS part
            FROM evaluations, """
        + _PERIOD_OF
        + """ AS period
            WHERE project_id = %(project_id)s
        ) AS placed
        GROUP BY project_id, period, part
        """,
        {"project_id": project_id},
    )


async def forget(tx: Tx, project_id: UUID, before: datetime) -> None:
    """Deletes the words of periods that ended by then. Their evaluations must be gone already."""
    await _lock(tx, project_id)
    await tx.execute(
        """
        WITH gone AS (DELETE FROM search_words WHERE project_id = %(project_id)s AND period <= %(last)s)
        DELETE FROM search_pending WHERE project_id = %(project_id)s AND period <= %(last)s
        """,
        {"project_id": project_id, "last": before - PERIOD},
    )


async def file(tx: Tx, project_id: UUID) -> bool:
    """Files the newest of what is queued, about two megabytes of text; False when nothing was."""
    await _lock(tx, project_id)
    taken = await _take(tx, project_id)
    for period, due in taken.items():
        times = sorted(due.times)
        if due.gone:
            # Of all these times, which are filed anew at once: what is left there comes back.
            await tx.execute(
                _REMOVE, {"project_id": project_id, "period": period, "times": times, "words": list(due.gone)}
            )
        await file_times(tx, project_id, period, times)
    return bool(taken)


async def file_times(tx: Tx, project_id: UUID, period: datetime, times: list[int]) -> None:
    """Files the words of the evaluations that were made at these milliseconds of the period; none may be filed yet."""
    await tx.execute(FILE, {"project_id": project_id, "period": period, "times": times})


async def _lock(tx: Tx, project_id: UUID) -> None:
    """One at a time files a project's words; a later statement then sees what the one before committed."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('agentops.words ' || %s, 0))", (str(project_id),))


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be filed of a period, and the words that deleted evaluations had then."""

    times: set[int]
    gone: set[str]


async def _take(tx: Tx, project_id: UUID) -> dict[datetime, _Due]:
    found = await tx.execute(
        """
        DELETE FROM search_pending
        WHERE project_id = %(project_id)s AND ctid = ANY (ARRAY(
            SELECT ctid
            FROM (
                SELECT ctid, sum(bytes) OVER (ORDER BY period DESC, ctid) - bytes AS before
                FROM (
                    SELECT ctid, period, bytes FROM search_pending
                    WHERE project_id = %(project_id)s ORDER BY period DESC LIMIT %(rows)s
                ) AS newest
            ) AS queue
            WHERE before < %(bytes)s
        ))
        RETURNING period, times, gone
        """,
        {"project_id": project_id, "bytes": _BYTES_A_RUN, "rows": _ROWS_A_RUN},
    )
    taken: dict[datetime, _Due] = {}
    for period, times, gone in await found.fetchall():
        due = taken.setdefault(period, _Due(set(), set()))
        due.times.update(times)
        due.gone.update(gone or ())
    return taken


# Each place of a word is looked up among the times, by a hash. The operators of arrays (&&, <> ALL) would compare it
# with each of them: a common word has tens of thousands, and thousands may be deleted at once.
_REMOVE: LiteralString = """
WITH kept AS (
    DELETE FROM search_words
    WHERE project_id = %(project_id)s AND period = %(period)s AND word = ANY (%(words)s)
      AND EXISTS (SELECT FROM unnest(times) AS ms WHERE ms IN (SELECT unnest(%(times)s::integer[])))
    RETURNING word, times
)
INSERT INTO search_words (project_id, period, word, times)
SELECT %(project_id)s, %(period)s, word, rest
FROM kept, LATERAL (
    SELECT array_agg(ms ORDER BY ms) AS rest
    FROM unnest(times) AS ms WHERE ms NOT IN (SELECT unnest(%(times)s::integer[]))
) AS left_over
WHERE rest IS NOT NULL
"""

# Rows of one word and period are of six sizes: below 8 places, 64, 512, 4,096, 32,768, and more. Where a size but the
# last has 8 rows, they and what comes become one of the next. So there are few to read, and filing writes a place again
# five times at most, however many small batches arrive. They are looked up word by word: of a project's first words
# PostgreSQL has no statistics yet, and would compare all of them with all that come.
FILE: LiteralString = (
    """
WITH fresh AS MATERIALIZED (
    SELECT """
    + STEM
    + """ AS word, array_agg(DISTINCT ms) AS times
    FROM unnest(%(times)s::integer[]) AS ms,
         LATERAL (
             SELECT prompt || ' ' || response AS text FROM evaluations
             WHERE project_id = %(project_id)s AND created_at = %(period)s + ms * interval '1 millisecond'
             OFFSET 0
         ) AS made,
         """
    + WORDS_OF.replace("TEXT", "made.text")
    + """
    GROUP BY 1
), full_sizes AS (
    SELECT ctids
    FROM fresh, LATERAL (
        SELECT array_agg(ctid) AS ctids FROM search_words
        WHERE project_id = %(project_id)s AND period = %(period)s AND search_words.word = fresh.word
          AND pg_column_size(search_words.times) < 131096
        GROUP BY width_bucket(pg_column_size(search_words.times), ARRAY[53, 280, 2072, 16408, 131096])
        HAVING count(*) >= 8
    ) AS of_size
), gone AS (
    DELETE FROM search_words
    WHERE project_id = %(project_id)s AND ctid = ANY (ARRAY(SELECT unnest(ctids) FROM full_sizes))
    RETURNING word, times
)
INSERT INTO search_words (project_id, period, word, times)
SELECT %(project_id)s, %(period)s, word, times FROM fresh WHERE word NOT IN (SELECT word FROM gone)
UNION ALL
SELECT %(project_id)s, %(period)s, word, array_agg(DISTINCT ms)
FROM (
    SELECT word, times FROM gone UNION ALL SELECT word, times FROM fresh WHERE word IN (SELECT word FROM gone)
) AS together, unnest(times) AS ms
GROUP BY word
"""
)
