"""Events on disk: what outlives the process that recorded them.

Each process writes segments, files of JSON lines, into a directory of its own and holds a lock on it as long as it
lives. A directory whose lock is free was left by a process that ended; whoever finds it takes its segments over.
A segment is deleted when the server has judged every event in it. One that was sent and then not deleted is sent again,
which the events' ids make harmless.
"""

import contextlib
import errno
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentops.config import Bounds
from agentops.events import new_id

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

IS_SUPPORTED = fcntl is not None
"""Windows has no lock that a dying process gives back on a whole file."""
_LOCK = "lock"
_SUFFIX = ".jsonl"
_HIDDEN = "."
_LOOK_S = 60.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed file of events."""

    path: Path
    events: int
    size_bytes: int

    def read(self) -> list[bytes]:
        """The events, fewer where somebody has taken from the file, none where it is gone. Raises OSError."""
        try:
            # What is behind them was written in part, and is in memory too.
            return lines_of(self.path)[: self.events]
        except FileNotFoundError:
            return []


class Spool:
    """The segments of this process. One thread writes them; another reads `ready` and settles what was sent."""

    def __init__(self, place: Path, bounds: Bounds) -> None:
        self._place = place
        self._bounds = bounds
        self._own: Path | None = None
        self._lock: int | None = None
        self._adopting: int | None = None
        """The lock of a directory that is being taken over."""
        self._open: int | None = None
        self._opened_at = 0.0
        self._lines = 0
        self._path = Path()
        self._size = 0
        self._looked_at = -math.inf
        self.ready: deque[Segment] = deque()
        """Closed segments, the oldest first."""
        self.stored_bytes = 0
        self._counting = threading.Lock()

    @property
    def is_writing(self) -> bool:
        """A segment is open."""
        return self._open is not None

    @property
    def idle_s(self) -> float:
        """Seconds until the open segment is to be closed, or it is time to look for what others have left."""
        closes_at = math.inf if self._open is None else self._opened_at + self._bounds.linger_s
        return max(0.0, min(closes_at, self._looked_at + _LOOK_S) - time.monotonic())

    @property
    def is_due(self) -> bool:
        """The open segment is old or large enough to be sent."""
        return self._open is not None and (
            time.monotonic() >= self._opened_at + self._bounds.linger_s
            or self._lines >= self._bounds.batch_events_max
            or self._size >= self._bounds.batch_bytes_max
        )

    def append(self, lines: Sequence[bytes]) -> None:
        """Writes events, each one line of JSON. When it returns they outlive this process. Raises OSError."""
        text = b"".join(line + b"\n" for line in lines)
        if self.stored_bytes + len(text) > self._bounds.spool_bytes_max:
            raise OSError(errno.EDQUOT, "the spool has reached its bound")
        if self._open is None:
            self._begin()
        assert self._open is not None
        try:
            _write(self._open, text)
        except OSError:
            try:
                # Half a line would spoil the next one.
                os.ftruncate(self._open, self._size)
            except OSError:
                # Then nothing more is written behind it.
                with contextlib.suppress(OSError):
                    self.rotate()
            raise
        self._lines += len(lines)
        self._size += len(text)
        self._grow(len(text))

    def rotate(self) -> None:
        """Closes the open segment: it is ready to be sent, and outlives the machine too. Raises OSError."""
        if self._open is None:
            return
        # In this order: whoever asks whether anything is left sees it in at least one of both.
        self.ready.append(Segment(self._path, self._lines, self._size))
        closed, self._open = self._open, None
        try:
            os.fsync(closed)
        finally:
            os.close(closed)

    def settle(self, segment: Segment) -> None:
        """The server has judged every event of a segment. Raises OSError."""
        segment.path.unlink(missing_ok=True)
        self._grow(-segment.size_bytes)

    def recover(self, found: Callable[[int], None]) -> None:
        """Looks, now and then, for what processes that ended have left, and takes it over; `found` is told how many
        events. Raises the first OSError at the end."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        own = self._directory()

        def take_over(other: Path) -> None:
            if other == own or other.name.startswith(_HIDDEN) or not other.is_dir():
                return
            self._adopting = _lock(other)
            if self._adopting is None:
                return
            try:
                _each(other.glob("*" + _SUFFIX), lambda segment: self._adopt(segment, own, found))
                _remove(other)
            finally:
                lock, self._adopting = self._adopting, None
                os.close(lock)

        _each(self._place.iterdir(), take_over)

    def leave(self) -> None:
        """Gives the directory back; what is still in it is somebody else's to send."""
        if self._own is None or self._lock is None:
            return
        own, lock = self._own, self._lock
        self._own = self._lock = None
        try:
            if not any(own.glob("*" + _SUFFIX)):
                _remove(own)
        finally:
            os.close(lock)

    def disown(self) -> None:
        """Closes what a forked child has inherited: a lock is its parent's only when nobody else has it open.

        Closing gives no lock back as long as the parent has it; `LOCK_UN` would.
        """
        for file in (self._lock, self._adopting, self._open):
            if file is not None:
                with contextlib.suppress(OSError):
                    os.close(file)

    def _begin(self) -> None:
        own = self._directory()
        self._path = own / f"{new_id()}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._open = os.open(self._path, flags, 0o600)
        self._opened_at = time.monotonic()
        self._lines = self._size = 0

    def _directory(self) -> Path:
        if self._own is None:
            # What was asked and answered is nobody else's to read.
            self._place.parent.mkdir(parents=True, exist_ok=True)
            self._place.mkdir(mode=0o700, exist_ok=True)
            name = str(new_id())
            making = self._place / f"{_HIDDEN}{name}"
            making.mkdir(mode=0o700)
            lock = None
            try:
                lock = _lock(making, create=True)
                # It is seen by others only now that it is locked.
                self._own = making.rename(self._place / name)
            except OSError:
                if lock is not None:
                    os.close(lock)
                with contextlib.suppress(OSError):
                    _remove(making)
                raise
            self._lock = lock
        return self._own

    def _grow(self, size: int) -> None:
        with self._counting:
            self.stored_bytes += size

    def _adopt(self, path: Path, own: Path, found: Callable[[int], None]) -> None:
        # What cannot be read stays where it is, for whoever looks next.
        events = len(lines_of(path))
        segment = Segment(own / path.name, events, path.stat().st_size)
        path.rename(segment.path)
        self._grow(segment.size_bytes)
        # Before somebody sends them: what is delivered was counted.
        found(events)
        self.ready.append(segment)


def lines_of(path: Path) -> list[bytes]:
    """The events in a file. A last line without its end was being written when the process was killed."""
    return [line for line in path.read_bytes().split(b"\n")[:-1] if line]


def _each(paths: Iterable[Path], do: Callable[[Path], None]) -> None:
    """Does it with all, the oldest first: UUIDv7 names sort by time. Raises the first OSError at the end."""
    errors: list[OSError] = []
    for path in sorted(paths):
        try:
            do(path)
        except OSError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _write(file: int, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(file, rest) :]


def _lock(directory: Path, *, create: bool = False) -> int | None:
    """The open lock of a directory; None when a living process holds it, or somebody has just removed it."""
    assert fcntl
    try:
        file = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
    except FileNotFoundError:
        return None
    is_held = False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it may have removed it since it was opened.
        is_held = os.path.samestat(os.fstat(file), (directory / _LOCK).stat())
    except (BlockingIOError, FileNotFoundError):
        return None
    finally:
        if not is_held:
            os.close(file)
    return file if is_held else None


def _remove(directory: Path) -> None:
    (directory / _LOCK).unlink(missing_ok=True)
    directory.rmdir()
