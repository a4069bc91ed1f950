"""The files of export jobs, in PostgreSQL. Begins and ends no transaction."""

from uuid import UUID

from agentops_api.db.pool import Tx

PART_BYTES = 512 * 1024
"""Each part of a file but the last."""
_FORGET_PARTS = 200


async def add_part(tx: Tx, project_id: UUID, job_id: UUID, number: int, part: bytes) -> None:
    """Writes the next part of the job's file."""
    await tx.execute(
        """
        INSERT INTO export_parts (project_id, job_id, number, bytes)
        VALUES (%(project_id)s, %(job_id)s, %(number)s, %(part)s)
        """,
        {"project_id": project_id, "job_id": job_id, "number": number, "part": part},
    )


async def part(tx: Tx, project_id: UUID, job_id: UUID, number: int) -> bytes | None:
    """A part of the job's file, or None where it is not kept (any more)."""
    # Binary: as text it would be twice as long.
    async with tx.cursor(binary=True) as cursor:
        await cursor.execute(
            """
            SELECT bytes FROM export_parts
            WHERE project_id = %(project_id)s AND job_id = %(job_id)s AND number = %(number)s
            """,
            {"project_id": project_id, "job_id": job_id, "number": number},
        )
        row = await cursor.fetchone()
    return row[0] if row else None


async def is_kept(tx: Tx, project_id: UUID, job_id: UUID) -> bool:
    """Whether there is anything of the job's file."""
    found = await tx.execute(
        "SELECT EXISTS (SELECT FROM export_parts WHERE project_id = %(project_id)s AND job_id = %(job_id)s)",
        {"project_id": project_id, "job_id": job_id},
    )
    return await found.fetchone() == (True,)


async def delete_parts(tx: Tx, project_id: UUID, job_id: UUID) -> None:
    """Deletes the job's file, or what there is of it."""
    await tx.execute(
        "DELETE FROM export_parts WHERE project_id = %(project_id)s AND job_id = %(job_id)s",
        {"project_id": project_id, "job_id": job_id},
    )


async def expire(tx: Tx, project_id: UUID, job_id: UUID) -> None:
    """Lets the job's report say that its file is no longer kept, if it had one."""
    await tx.execute(
        """
        UPDATE jobs
        SET report = jsonb_set(report, '{expires_at}', to_jsonb(least((report ->> 'expires_at')::timestamptz, now())))
        WHERE project_id = %(project_id)s AND id = %(job_id)s AND report ? 'expires_at'
        """,
        {"project_id": project_id, "job_id": job_id},
    )


async def kept_bytes(tx: Tx, project_id: UUID) -> int:
    """What all files of the project take. Reads none of them."""
    found = await tx.execute(
        "SELECT coalesce(sum(octet_length(bytes)), 0)::bigint FROM export_parts WHERE project_id = %(project_id)s",
        {"project_id": project_id},
    )
    row = await found.fetchone()
    assert row is not None, "an aggregate has a row"
    return row[0]


async def asked_for(tx: Tx, project_id: UUID, kind: str) -> int:
    """How many exports of the project wait or are being written."""
    found = await tx.execute(
        """
        SELECT count(*) FROM jobs
        WHERE project_id = %(project_id)s AND kind = %(kind)s AND status IN ('queued', 'running')
        """,
        {"project_id": project_id, "kind": kind},
    )
    row = await found.fetchone()
    assert row is not None, "an aggregate has a row"
    return row[0]


async def forget_parts(tx: Tx) -> int:
    """Deletes some parts of files whose time is over, and of what failed exports left; how many. For the jobs."""
    gone = await tx.execute(
        """
        WITH old AS (
            SELECT part.project_id, job_id, number FROM export_parts AS part
            JOIN jobs ON jobs.project_id = part.project_id AND jobs.id = job_id
            WHERE status = 'failed' OR status = 'succeeded' AND (report ->> 'expires_at')::timestamptz < now()
            LIMIT %(parts)s
        )
        DELETE FROM export_parts USING old
        WHERE export_parts.project_id = old.project_id AND export_parts.job_id = old.job_id
          AND export_parts.number = old.number
        """,
        {"parts": _FORGET_PARTS},
    )
    return gone.rowcount
