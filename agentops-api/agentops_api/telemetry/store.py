"""What the product asks of the store of evaluations: a narrow door, behind which a column store may stand later."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from agentops_api.analytics.models import Cell, Groups, Order, Question
from agentops_api.evaluations.models import Evaluation, Filters, Position, SearchPage
from agentops_api.sessions.models import Place, Session, SessionFilters


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

    async def arrived(self, project_id: UUID, filters: Filters, *, limit: int) -> list[Position]:
        """The places of up to `limit` evaluations, newest first."""
        ...

    async def arrivals(
        self, project_id: UUID, filters: Filters, *, besides: Sequence[UUID], limit: int
    ) -> list[Evaluation]:
        """Up to `limit` evaluations besides these, newest first; texts cut at 2,000 characters, documents at ten."""
        ...

    async def search(
        self, project_id: UUID, text: str, filters: Filters, *, after: Position | None, limit: int
    ) -> SearchPage:
        """Up to `limit` evaluations that have all words of the text in prompt or response, from behind `after`.

        A search that has looked at much stops and says where. Raises Invalid when the text has no word, or too many.
        """
        ...

    def scan(self, project_id: UUID, filters: Filters) -> AsyncGenerator[list[Evaluation]]:
        """All of them, oldest first, from one snapshot; in portions of a bounded size, whatever the rows' own.

        It holds a transaction, which ends with the generator: close it. Raises Unavailable.
        """
        ...

    async def count(self, project_id: UUID, filters: Filters) -> int:
        """How many there are now. Reads them all. Raises Unavailable where that takes longer than a minute."""
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

    async def groups(self, project_id: UUID, question: Question, order: Order) -> Groups:
        """The same, of the groups that come first in this order; there may be as many groups as evaluations."""
        ...

    async def sessions(
        self, project_id: UUID, filters: SessionFilters, *, after: Place | None, limit: int
    ) -> tuple[list[Session], Place | None]:
        """Up to `limit` conversations of the period, from behind `after`, those with the newest matching answer first,
        and the place from which the next page goes on; None for that on the last.

        Which ones are filtered; their figures count all their evaluations of the period.
        """
        ...

    async def session(
        self, project_id: UUID, session_id: str, *, after: Position | None, limit: int
    ) -> tuple[Session, list[Evaluation]] | None:
        """The conversation over all its time, and up to `limit` of its evaluations, oldest first, from behind `after`;
        None when there is none."""
        ...


class RecordRefused(Exception):
    """The database will not take one of the records, whatever is tried."""
