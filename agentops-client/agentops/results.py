"""What callers get: dictionaries, as `json.dumps` and older programs want, whose items are typed attributes too."""

from datetime import datetime
from typing import Any, Generic, Self, TypeVar, overload
from uuid import UUID

T = TypeVar("T")


class Item(Generic[T]):
    """An item of the dictionary, as an attribute of the same name."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, result: None, owner: type) -> Self: ...
    @overload
    def __get__(self, result: dict[str, Any], owner: type) -> T: ...
    def __get__(self, result: dict[str, Any] | None, owner: type) -> Self | T:
        if result is None:
            return self
        return self._read(result.get(self._name))

    def __set__(self, result: dict[str, Any], value: T) -> None:
        result[self._name] = self._written(value)

    def _read(self, value: Any) -> T:
        return value

    def _written(self, value: T) -> Any:
        return value


class _Id(Item[UUID]):
    def _read(self, value: Any) -> UUID:
        return UUID(value)

    def _written(self, value: UUID) -> str:
        return str(value)


class _Time(Item[datetime]):
    def _read(self, value: Any) -> datetime:
        return datetime.fromisoformat(value)

    def _written(self, value: datetime) -> str:
        return value.isoformat()


class _Scored(dict[str, Any]):
    semantic_drift = Item[float | None]("How far the answer strays from the prompt, in [0, 1].")
    uncertainty = Item[float | None]("How unsure the answer sounds, in [0, 1].")
    factual_support = Item[float | None]("How much of the answer the evidence supports, in [0, 1].")
    hallucination_probability = Item[float | None]("That the answer contains a hallucination; None: nobody can say.")
    hallucinated = Item[bool | None]("The verdict; None where there is none.")
    mode = Item[str | None]("How the answer was checked.")
    status = Item[str | None](
        "`verified` (compared with documents, or in a `self-check` with other answers of the model),"
        " `unverified` (nothing to compare with, no verdict) or `degraded` (it failed)."
    )
    claims = Item[list[dict[str, Any]] | None]("The answer's sentences, each with its label, evidence and reasons.")
    scoring = Item[str | None]("The formula behind the probability.")
    detector = Item[str | None]("The detector, with its version.")
    latency_sec = Item[float | None]("Seconds.")
    throughput_qps = Item[float | None]("Evaluations a second.")


class Evaluation(_Scored):
    """What `evaluate` found. The eight items of SDK 0.2, and what else the detector says."""

    notes = Item[list[str]]("What the reader should know besides, such as that a long text was cut.")
    drift_method = Item[str | None]("What `semantic_drift` was measured by: hashed words, or a model of embeddings.")
    id = Item[str | None]("The evaluation's id on the server; None where it was not queued.")


class StoredEvaluation(_Scored):
    """An evaluation, as the server keeps it."""

    id = _Id("Its id.")
    created_at = _Time("Its time.")
    prompt = Item[str]("What the model was asked.")
    response = Item[str]("What it answered.")
    retrieved_docs = Item[list[str] | None]("The evidence that the answer was given from.")
    model_name = Item[str | None]("The model that answered.")
    agent_name = Item[str | None]("The agent that asked.")
    session_id = Item[str | None]("The conversation that the answer belongs to.")
    metadata = Item[dict[str, str | int | float | bool | None] | None]("Values of the sender's own.")


class StoredLabel(dict[str, Any]):
    """What a person said of an answer."""

    evaluation_id = _Id("Which evaluation.")
    hallucinated = Item[bool]("Whether something in the answer is not so.")
    note = Item[str | None]("Why.")
    labelled_at = _Time("When it was said.")


class Stats(dict[str, Any]):
    """Statistics of a period. A mean is 0 where nothing has a value."""

    total_evaluations = Item[int]("How many there were.")
    total_hallucinations = Item[int]("How many were judged to be hallucinated.")
    hallucination_rate = Item[float]("Of those with a verdict.")
    avg_latency = Item[float]("Seconds.")
    avg_throughput = Item[float]("Queries a second.")
    avg_semantic_drift = Item[float]("In [0, 1].")
    avg_uncertainty = Item[float]("In [0, 1].")
    avg_factual_support = Item[float]("In [0, 1].")


def _items(*kinds: type) -> list[str]:
    return [name for kind in kinds for name, value in vars(kind).items() if isinstance(value, Item)]


EVALUATION_ITEMS = _items(_Scored, Evaluation)
STORED_ITEMS = _items(_Scored, StoredEvaluation)
