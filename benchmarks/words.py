"""The words of a project's evaluations, filed as the server files them, but from what is known of their sentences.

The server reads each text: 400 us an evaluation, more than an hour for 10M. Here a sentence is read once, by the
server's expression. That both come to the same is checked on a portion of each project, by filing it both ways.
"""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from agentops_api.db.pool import Tx
from agentops_api.telemetry.tokens import WORDS_OF
from agentops_api.telemetry.words import file_times

_PORTION_ROWS = 6_000
"""Evaluations whose words the server files in one statement while many come in: two megabytes of text."""

_PREPARE: LiteralString = (
    """
CREATE UNLOGGED TABLE bench.tokens AS
SELECT DISTINCT kind, n, word
FROM (SELECT 'prompt' AS kind, n, prompt AS text FROM bench.sentences
      UNION ALL SELECT 'response', n, response FROM bench.sentences) AS sentence, """
    + WORDS_OF.replace("TEXT", "sentence.text")
    + """;
CREATE UNLOGGED TABLE bench.words AS
SELECT row_number() OVER (ORDER BY word)::integer AS word_n, word FROM (SELECT DISTINCT word FROM bench.tokens) AS one;
CREATE UNLOGGED TABLE bench.prompts AS
SELECT prompt, array_agg(word_n) AS words
FROM bench.sentences JOIN bench.tokens USING (n) JOIN bench.words USING (word) WHERE kind = 'prompt' GROUP BY prompt;
CREATE UNLOGGED TABLE bench.responses AS
SELECT response, array_agg(word_n) AS words
FROM bench.sentences JOIN bench.tokens USING (n) JOIN bench.words USING (word)
WHERE kind = 'response' GROUP BY response;
ANALYZE bench.words, bench.prompts, bench.responses
"""
)
# Hashed, not sorted for DISTINCT, which takes twice as long: where prompt and response share a word, its place stands
# there twice, which the server would file once. Searches have a little more to read.
# A prompt is a sentence, a word of its own and a question mark; a response is a sentence and a full stop.
_MADE: LiteralString = """
WITH made AS MATERIALIZED (
    SELECT (extract(epoch FROM created_at - %(day)s) * 1000)::integer AS ms,
           -- Of nine portions the server makes one.
           CASE WHEN n / 9 < portions / 9 THEN n - n %% 9 ELSE n END AS portion,
           left(prompt, -10) AS prompt, left(right(prompt, 9), 8) AS own_word, left(response, -1) AS response
    FROM (
        SELECT created_at, prompt, response,
               ((row_number() OVER (ORDER BY created_at, id) - 1) / %(portion_rows)s)::integer AS n,
               (count(*) OVER () / %(portion_rows)s)::integer AS portions
        FROM evaluations
        WHERE project_id = %(project_id)s AND created_at >= %(day)s AND created_at < %(day)s + interval '24 hours'
    ) AS numbered
)
"""
_FILE_DAY: LiteralString = (
    "INSERT INTO search_words (project_id, period, word, times)"
    + _MADE
    + """
SELECT %(project_id)s, %(day)s, word, times
FROM (
    SELECT portion, word_n, array_agg(ms) AS times
    FROM made JOIN bench.prompts USING (prompt) JOIN bench.responses USING (response),
         unnest(prompts.words || responses.words) AS word_n
    GROUP BY portion, word_n
) AS placed JOIN bench.words USING (word_n)
UNION ALL
SELECT %(project_id)s, %(day)s, own_word, array_agg(ms) FROM made GROUP BY portion, own_word
"""
)


async def prepare(tx: Tx, project_id: UUID, day: datetime) -> None:
    """Reads the sentences; raises RuntimeError where a day's words are not those that the server files."""
    await tx.execute(_PREPARE)
    await _check(tx, project_id, day)


async def file_day(tx: Tx, project_id: UUID, day: datetime) -> None:
    """Files the words of a day's evaluations, in rows such as the server's: of rare words it has a few less."""
    await tx.execute(_FILE_DAY, {"project_id": project_id, "day": day, "portion_rows": _PORTION_ROWS})


async def _check(tx: Tx, project_id: UUID, day: datetime) -> None:
    """Files the project's first day both ways, and keeps neither."""
    async with tx.transaction(force_rollback=True):
        await file_day(tx, project_id, day)
        here = await _filed(tx, project_id)
        await tx.execute("DELETE FROM search_words WHERE project_id = %(project_id)s", {"project_id": project_id})
        found = await tx.execute(
            """
            SELECT DISTINCT (extract(epoch FROM created_at - %(day)s) * 1000)::integer FROM evaluations
            WHERE project_id = %(project_id)s AND created_at >= %(day)s AND created_at < %(day)s + interval '24 hours'
            """,
            {"project_id": project_id, "day": day},
        )
        await file_times(tx, project_id, day, [ms for (ms,) in await found.fetchall()])
        there = await _filed(tx, project_id)
    if here != there:
        raise RuntimeError("The benchmark files other words than the server does.")


async def _filed(tx: Tx, project_id: UUID) -> list[tuple[str, list[int]]]:
    """Every word and its places, however many rows it has."""
    found = await tx.execute(
        """
        SELECT word, array_agg(DISTINCT ms ORDER BY ms)
        FROM search_words, unnest(times) AS ms WHERE project_id = %(project_id)s GROUP BY word ORDER BY word
        """,
        {"project_id": project_id},
    )
    return await found.fetchall()
