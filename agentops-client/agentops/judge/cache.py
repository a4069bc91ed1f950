"""Answers kept by their question's content: the same is not paid for twice. In memory, and on disk where wanted."""

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import cast

from agentops.config import directory_of
from agentops.notices import warn

_TIDIED_EVERY = 256
"""So many entries are written before somebody looks how many there are."""


def key_of(*parts: object) -> str:
    """A name for this content: SHA-256 of its JSON."""
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


class Cache:
    """The newest answers. Threads share it; processes share the directory, whose entries are whole or not there."""

    def __init__(self, entries_max: int, directory: str | os.PathLike[str] | None, files_max: int = 20_000) -> None:
        self._entries_max = entries_max
        self._directory = directory_of("cache_dir", directory)
        self._files_max = files_max
        self._written = 0
        self._entries: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def renew(self) -> None:
        """In a forked child: whoever held the lock is not there."""
        self._lock = threading.Lock()

    def get(self, key: str) -> str | None:
        """The text kept under that key."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        found = self._read(key)
        if found is not None:
            self._remember(key, found)
        return found

    def put(self, key: str, text: str) -> None:
        """Keeps it. A disk that fails is warned of, and memory has it all the same."""
        self._remember(key, text)
        if self._directory and self._entries_max:
            try:
                self._write(self._directory, key, text)
            except OSError as error:
                warn("judge cache", f"The judge's answers cannot be kept in {self._directory}: {error}")

    def _remember(self, key: str, text: str) -> None:
        with self._lock:
            self._entries[key] = text
            self._entries.move_to_end(key)
            while len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)

    def _read(self, key: str) -> str | None:
        if not self._directory or not self._entries_max:
            return None
        try:
            found: object = json.loads(self._path(self._directory, key).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        # The key stands inside as well: a file that was renamed or damaged answers nothing.
        if not isinstance(found, dict):
            return None
        kept = cast("dict[str, object]", found)
        text = kept.get("text")
        return text if kept.get("key") == key and isinstance(text, str) else None

    def _write(self, directory: Path, key: str, text: str) -> None:
        path = self._path(directory, key)
        # Answers quote documents: they are nobody else's to read.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"key": key, "text": text}, file)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        self._written += 1
        if self._written % _TIDIED_EVERY == 0:
            self._tidy(directory)

    def _tidy(self, directory: Path) -> None:
        """Deletes the oldest files above the bound."""
        files: list[tuple[float, Path]] = []
        for path in directory.glob("*/*.json"):
            # Another process may tidy at the same time.
            with contextlib.suppress(FileNotFoundError):
                files.append((path.stat().st_mtime, path))
        for _, path in sorted(files)[: max(0, len(files) - self._files_max)]:
            path.unlink(missing_ok=True)

    @staticmethod
    def _path(directory: Path, key: str) -> Path:
        return directory / key[:2] / f"{key}.json"
