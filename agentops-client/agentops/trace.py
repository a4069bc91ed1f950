"""One answer in the making: a block of code, or a call of a decorated function, that becomes an evaluation."""

import functools
import inspect
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol, Self, TypeGuard, TypeVar, cast

from agentops.errors import InvalidArgument
from agentops.events import Labels, Scalar
from agentops.kept import StreamedChunks, StreamedText, text_of

F = TypeVar("F", bound=Callable[..., Any])
_PROMPT_NAMES = ("prompt", "question", "query", "message", "text", "input")
_DOCUMENT_NAMES = ("retrieved_docs", "documents", "docs", "context")


class TraceFields(Labels, total=False):
    """What may be known of an answer before it is made."""

    retrieved_docs: Sequence[str] | None


class TraceRecorder(Protocol):
    """Takes what a trace became."""

    def record_unscored(self, fields: dict[str, Any]) -> None:
        """Records the fields, which are still to be scored. Raises what is wrong with them."""
        ...

    def do_or_log(self, step: Callable[[], None]) -> None:
        """Does it; what it raises does not reach the application."""
        ...


class Trace:
    """An answer in the making. Assign what becomes known; leaving the block records it, with the time it took."""

    def __init__(
        self,
        recorder: TraceRecorder,
        prompt: str = "",
        *,
        retrieved_docs: Sequence[str] | None = None,
        model_name: str | None = None,
        agent_name: str | None = None,
        session_id: str | None = None,
        metadata: Mapping[str, Scalar] | None = None,
    ) -> None:
        self._recorder = recorder
        self.prompt = prompt
        self.response = ""
        self.retrieved_docs = retrieved_docs
        self.model_name = model_name
        self.agent_name = agent_name
        self.session_id = session_id
        self.metadata: dict[str, Scalar] = {}
        recorder.do_or_log(lambda: self.metadata.update(_mapping(metadata or {})))
        self._began = 0.0
        self._outer: Trace | None = None

    def __enter__(self) -> Self:
        self.begin()
        self._outer = _current.get()
        _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.set(self._outer)
        self.end(error)

    def begin(self) -> None:
        """The clock runs."""
        self._began = time.perf_counter()

    def end(self, error: BaseException | None = None) -> None:
        """Records what became known. An error is named in the metadata, by its type only."""
        latency_s = max(1e-6, time.perf_counter() - self._began)
        self._recorder.do_or_log(lambda: self._recorder.record_unscored(self._fields(latency_s, error)))

    @contextmanager
    def active(self) -> Generator[None]:
        """Meanwhile this is the current trace."""
        outer = _current.get()
        _current.set(self)
        try:
            yield
        finally:
            _current.set(outer)

    def _fields(self, latency_s: float, error: BaseException | None) -> dict[str, Any]:
        metadata = dict(self.metadata)
        if error is not None:
            metadata["error"] = type(error).__name__
        return {
            "prompt": self.prompt,
            "response": self.response,
            "retrieved_docs": self.retrieved_docs,
            "model_name": self.model_name,
            "agent_name": self.agent_name,
            "session_id": self.session_id,
            "metadata": metadata or None,
            "latency_sec": latency_s,
        }


_current: ContextVar[Trace | None] = ContextVar("agentops_trace", default=None)


def current_trace() -> Trace | None:
    """The innermost trace that this code runs in, also inside of functions under `@observe`."""
    return _current.get()


class Observer:
    """Makes traces of a function's calls."""

    def __init__(
        self,
        recorder: TraceRecorder,
        function: Callable[..., Any],
        *,
        prompt: str | None,
        retrieved_docs: str | None,
        response: Callable[[Any], str] | None,
        labels: Mapping[str, Any],
    ) -> None:
        self._recorder = recorder
        self._signature = _signature(function)
        self._prompt = prompt
        self._retrieved_docs = retrieved_docs
        self._response = response
        self._labels = labels
        recorder.do_or_log(self._check_names)

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Trace:
        """A trace of this call, whose clock runs."""
        made = Trace(self._recorder, **self._labels)
        made.begin()
        self._recorder.do_or_log(lambda: self._read(made, args, kwargs))
        return made

    def answered(self, trace: Trace, value: object) -> None:
        """The call has returned this."""
        self._recorder.do_or_log(lambda: self._write(trace, value))

    def stream(self) -> StreamedText | StreamedChunks:
        """Keeps what a call is about to yield."""
        return StreamedChunks() if self._response else StreamedText()

    def yielded(self, stream: StreamedText | StreamedChunks, chunk: object) -> None:
        """The call has yielded this."""
        self._recorder.do_or_log(lambda: stream.add(chunk))

    def _check_names(self) -> None:
        parameters = self._signature.parameters if self._signature else None
        if parameters is None or any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            return
        for option, name in (("prompt", self._prompt), ("retrieved_docs", self._retrieved_docs)):
            if name is not None and name not in parameters:
                raise InvalidArgument(f"observe({option}={name!r}) names no parameter of the function.")

    def _read(self, trace: Trace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = _arguments(self._signature, args, kwargs)
        documents = _named(given, self._retrieved_docs, _DOCUMENT_NAMES)
        if _are_texts(documents):
            trace.retrieved_docs = documents
        prompt = _named(given, self._prompt, _PROMPT_NAMES)
        if prompt is None:
            prompt = next((value for value in given.values() if isinstance(value, str)), "")
        elif _are_texts(prompt) and isinstance(prompt, tuple):
            # It is called `*question`, say.
            prompt = " ".join(prompt)
        trace.prompt = text_of(prompt)

    def _write(self, trace: Trace, value: object) -> None:
        if self._response:
            trace.response = self._response(value)
        elif not (value is None or trace.response or isinstance(value, Awaitable | Iterator | AsyncIterator)):
            trace.response = text_of(value)


def _arguments(signature: inspect.Signature | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What a call gives, by name: also what lies in `*args` (by number) and `**kwargs`; at the end, what it leaves to
    defaults."""
    if signature is None:
        return {f"*{at}": each for at, each in enumerate(args)} | dict(kwargs)
    bound = signature.bind(*args, **kwargs).arguments
    given: dict[str, Any] = {}
    for name, value in bound.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            given |= value
        else:
            given[name] = value
        if kind is inspect.Parameter.VAR_POSITIONAL:
            given |= {f"*{at}": each for at, each in enumerate(value)}
    left = signature.parameters.keys() - bound.keys()
    defaults = {name: each.default for name, each in signature.parameters.items() if name in left}
    return given | {name: value for name, value in defaults.items() if value is not inspect.Parameter.empty}


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        # Some that are written in C tell nobody.
        return None


def observed(function: F, observer: Observer) -> F:
    """The function, each of whose calls becomes an evaluation: sync or async, and generators of either kind.

    What a function returns to be awaited or iterated by its caller is followed too, see `_finished`.
    """
    if inspect.isasyncgenfunction(function):
        wrapped: Callable[..., Any] = _async_stream(function, observer)
    elif inspect.isgeneratorfunction(function):
        wrapped = _stream(function, observer)
    elif inspect.iscoroutinefunction(function):
        wrapped = _coroutine(function, observer)
    else:
        wrapped = _function(function, observer)
    return cast("F", functools.wraps(function)(wrapped))


def _function(function: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        trace = observer.begin(args, kwargs)
        try:
            with trace.active():
                value = function(*args, **kwargs)
        except BaseException as error:
            trace.end(error)
            raise
        return _finished(value, observer, trace)

    return call


def _coroutine(
    function: Callable[..., Awaitable[Any]], observer: Observer, begun: Trace | None = None
) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        trace = begun or observer.begin(args, kwargs)
        try:
            with trace.active():
                value = await function(*args, **kwargs)
        except BaseException as error:
            trace.end(error)
            raise
        return _finished(value, observer, trace)

    return call


def _finished(value: Any, observer: Observer, trace: Trace) -> Any:
    """What the caller gets: the value; of one still to be awaited or iterated, one of its kind that ends the trace."""
    if inspect.iscoroutine(value):
        return _coroutine(lambda: value, observer, trace)()
    if inspect.isgenerator(value):
        return _stream(lambda: value, observer, trace)()
    if inspect.isasyncgen(value):
        return _async_stream(lambda: value, observer, trace)()
    with trace.active():
        observer.answered(trace, value)
    trace.end()
    return value


def _stream(
    function: Callable[..., Generator[Any, Any, Any]], observer: Observer, begun: Trace | None = None
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        trace = begun or observer.begin(args, kwargs)
        kept = observer.stream()
        inner = function(*args, **kwargs)
        step: Callable[[], Any] = functools.partial(next, inner)
        try:
            while True:
                # The context belongs to whoever iterates: between two steps this is not their trace.
                with trace.active():
                    chunk = step()
                observer.yielded(kept, chunk)
                try:
                    step = functools.partial(inner.send, (yield chunk))
                except GeneratorExit:
                    inner.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is the generator's to see, whatever it is
                    step = functools.partial(inner.throw, error)
        except StopIteration as end:
            _ended(observer, trace, kept)
            return end.value
        except BaseException as error:
            _ended(observer, trace, kept, error)
            raise

    return call


def _async_stream(
    function: Callable[..., AsyncGenerator[Any, Any]], observer: Observer, begun: Trace | None = None
) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        trace = begun or observer.begin(args, kwargs)
        kept = observer.stream()
        inner = function(*args, **kwargs)
        step: Callable[[], Awaitable[Any]] = functools.partial(anext, inner)
        try:
            while True:
                with trace.active():
                    chunk = await step()
                observer.yielded(kept, chunk)
                try:
                    step = functools.partial(inner.asend, (yield chunk))
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is the generator's to see, whatever it is
                    step = functools.partial(inner.athrow, error)
        except StopAsyncIteration:
            _ended(observer, trace, kept)
        except BaseException as error:
            _ended(observer, trace, kept, error)
            raise

    return call


def _ended(
    observer: Observer, trace: Trace, kept: StreamedText | StreamedChunks, error: BaseException | None = None
) -> None:
    observer.answered(trace, kept.value())
    # A consumer that has heard enough is no failure.
    trace.end(None if isinstance(error, GeneratorExit) else error)


def _named(given: Mapping[str, Any], name: str | None, usual: Sequence[str]) -> object:
    """The argument of that name, else the first of a usual one; None where there is none."""
    names = usual if name is None else (name, *usual)
    return next((given[each] for each in names if given.get(each) is not None), None)


def _mapping(metadata: Mapping[str, Scalar]) -> dict[str, Scalar]:
    try:
        return dict(metadata)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"metadata must be a mapping, not {type(metadata).__name__}") from error


def _are_texts(value: object) -> TypeGuard[str | list[str] | tuple[str, ...]]:
    if isinstance(value, str):
        return True
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in cast("Sequence[object]", value))
