"""Labels and calibrations in PostgreSQL. Begins and ends no transaction."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from agentops_api import ids
from agentops_api.calibrations.fit import Fitted
from agentops_api.calibrations.models import Calibration, Label, LabelItem
from agentops_api.db.pool import Tx, every, one
from agentops_api.db.where import Where
from agentops_api.detect.calibration import Platt
from agentops_api.detect.local import VERSION

DETECTOR = f"local/{VERSION}"
"""Another version's probabilities are another scale, so its calibrations do not count."""

_LABEL = "evaluation_id, hallucinated, note, labelled_at"
_CALIBRATION = "id, created_at, detector, method, labels, parameters, before, after"


async def label(tx: Tx, project_id: UUID, items: Sequence[LabelItem]) -> list[Label]:
    """Writes the labels of the evaluations that there are. No two may be for the same one."""
    rows = [item.model_dump() | {"id_time": ids.time_of(item.evaluation_id)} for item in items]
    # Who deletes an evaluation waits for this, and then deletes its label.
    return await every(
        tx,
        Label,
        """
        WITH wanted AS MATERIALIZED (
            SELECT row.*, coalesce(claimed.created_at, id_time) AS created_at
            FROM json_to_recordset(%(rows)s::json) AS row (
                evaluation_id uuid, hallucinated boolean, note text, id_time timestamptz)
            LEFT JOIN evaluation_ids AS claimed ON claimed.project_id = %(project_id)s AND claimed.id = evaluation_id
        ), found AS MATERIALIZED (
            SELECT wanted.* FROM wanted
            JOIN evaluations AS e ON e.project_id = %(project_id)s AND e.created_at = wanted.created_at
                                 AND e.id = wanted.evaluation_id
            ORDER BY e.created_at, e.id FOR KEY SHARE OF e
        )
        INSERT INTO evaluation_labels (project_id, evaluation_id, evaluation_at, hallucinated, note)
        SELECT %(project_id)s, evaluation_id, created_at, hallucinated, note FROM found
        ON CONFLICT (project_id, evaluation_id) DO UPDATE
        SET hallucinated = excluded.hallucinated, note = excluded.note, labelled_at = now()
        RETURNING """
        + _LABEL,
        {"project_id": project_id, "rows": orjson.dumps(rows).decode()},
    )


async def unlabel(tx: Tx, project_id: UUID, evaluation_id: UUID) -> bool:
    """Takes the label away; False when there is none."""
    gone = await tx.execute(
        "DELETE FROM evaluation_labels WHERE project_id = %(project_id)s AND evaluation_id = %(evaluation_id)s",
        {"project_id": project_id, "evaluation_id": evaluation_id},
    )
    return gone.rowcount > 0


async def labels(tx: Tx, project_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Label]:
    """Labels, newest first, from behind `after`."""
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    if after:
        where.add("(labelled_at, evaluation_id) < (%(after_at)s, %(after_id)s)", after_at=after[0], after_id=after[1])
    sql = "SELECT " + _LABEL + " FROM evaluation_labels" + where.sql
    sql += " ORDER BY labelled_at DESC, evaluation_id DESC LIMIT %(limit)s"
    return await every(tx, Label, sql, where.params | {"limit": limit})


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label of an answer that can be judged."""

    evaluation_at: datetime
    evaluation_id: UUID
    hallucinated: bool


async def usable_labels(tx: Tx, project_id: UUID, *, limit: int) -> list[Labelled]:
    """The newest labels of evaluations that have documents."""
    return await every(
        tx,
        Labelled,
        """
        SELECT evaluation_at, evaluation_id, l.hallucinated
        FROM evaluation_labels AS l
        JOIN evaluations AS e ON e.project_id = l.project_id AND e.created_at = evaluation_at AND e.id = evaluation_id
        WHERE l.project_id = %(project_id)s AND cardinality(e.retrieved_docs) > 0
        ORDER BY labelled_at DESC, evaluation_id LIMIT %(limit)s
        """,
        {"project_id": project_id, "limit": limit},
    )


async def add(tx: Tx, project_id: UUID, fitted: Fitted) -> Calibration:
    """Keeps a calibration, which is in use from now on."""
    made = await one(
        tx,
        Calibration,
        """
        INSERT INTO calibrations (project_id, id, detector, method, labels, parameters, before, after)
        VALUES (%(project_id)s, %(id)s, %(detector)s, %(method)s, %(labels)s, %(parameters)s, %(before)s, %(after)s)
        RETURNING """
        + _CALIBRATION,
        {
            "project_id": project_id,
            "id": ids.new(),
            "detector": DETECTOR,
            "method": "platt" if isinstance(fitted.recalibration.method, Platt) else "isotonic",
            "labels": fitted.recalibration.labels,
            "parameters": Jsonb(asdict(fitted.recalibration)),
            "before": Jsonb(fitted.before.model_dump()),
            "after": Jsonb(fitted.after.model_dump()),
        },
    )
    assert made is not None, "it was inserted"
    return made


async def active(tx: Tx, project_id: UUID) -> Calibration | None:
    """The calibration that is in use; None when there is none."""
    return await one(
        tx,
        Calibration,
        "SELECT "
        + _CALIBRATION
        + " FROM calibrations WHERE project_id = %(project_id)s AND detector = %(detector)s ORDER BY id DESC LIMIT 1",
        {"project_id": project_id, "detector": DETECTOR},
    )


async def page(tx: Tx, project_id: UUID, *, before: UUID | None, limit: int) -> list[Calibration]:
    """Calibrations, newest first, from behind `before`."""
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    where.add("id < %(before)s", before=before)
    sql = "SELECT " + _CALIBRATION + " FROM calibrations" + where.sql + " ORDER BY id DESC LIMIT %(limit)s"
    return await every(tx, Calibration, sql, where.params | {"limit": limit})


async def delete(tx: Tx, project_id: UUID, id: UUID) -> bool:
    """Deletes a calibration: the one before it is in use again. False when there is none."""
    gone = await tx.execute(
        "DELETE FROM calibrations WHERE project_id = %(project_id)s AND id = %(id)s",
        {"project_id": project_id, "id": id},
    )
    return gone.rowcount > 0
