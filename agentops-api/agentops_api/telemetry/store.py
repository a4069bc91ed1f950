"""What the product asks of the store of evaluations: a narrow door, behind which a column store may stand later."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from agentops_api.analytics.models import Cell, Question
from agentops_api.evaluations.models import Evaluation, Filters, Position


@dataclass(slots=True)
class Record:
    """One evaluation on its way to disk, and what became of it."""

    project_id: UUID
    id: UUID
    created_at: datetime
    client_made_id: bool
    row: bytes
    """The row as a JSON object whose keys are the columns of `evaluations`."""
    stored: bool = False
    """Committed, now or by an earlier request with the same id."""
    duplicate: bool = False
    """An earlier request stored this id; `created_at` is that one's."""
    refused: str | None = None
    """Why the store does not take this record."""


class EvaluationStore(Protocol):
    """Reads see what is committed; every call is for one project but `insert`."""

    async def insert(self, records: Sequence[Record]) -> None:
        """Stores all records in one transaction and marks them, or none.

        Raises RecordRefused when one of them cannot be stored, Unavailable when the store does not answer.
        """
        ...

    async def page(
        self, project_id: UUID, filters: Filters, *, after: Position | None, offset: int, limit: int
    ) -> list[Evaluation]:
        """Up to `limit` evaluations, newest first, from behind `after`."""
        ...

    def scan(self, project_id: UUID, filters: Filters) -> AsyncGenerator[list[Evaluation]]:
        """All of them, oldest first, from one snapshot; in portions of a bounded size, whatever the rows' own.

        It holds a transaction, which ends with the generator: close it. Raises Unavailable.
        """
        ...

    async def get(self, project_id: UUID, id: UUID) -> Evaluation | None:
        """The evaluation, or None."""
        ...

    async def delete(self, project_id: UUID, id: UUID) -> bool:
        """Deletes the evaluation and subtracts it from the statistics; False when there is none."""
        ...

    async def cells(self, project_id: UUID, question: Question) -> list[Cell]:
        """Sums and histograms of the period, a cell for each bucket of time and split that has evaluations."""
        ...


class RecordRefused(Exception):
    """The database will not take one of the records, whatever is tried."""
