"""Files of JSON lines, as the command line reads and writes them: one bad line is no reason to stop."""

import json
import math
import os
import shutil
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

LABELS = ("model_name", "agent_name", "session_id")


class Unusable(Exception):
    """A file that cannot be read or written; the message says which and why."""


@contextmanager
def reading(name: str) -> Generator[IO[bytes]]:
    """The file of that name, or standard input for `-`. Raises Unusable."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        source = Path(name).open("rb")  # noqa: SIM115 - only opening is tried here, not what is done with the file
    except OSError as error:
        raise Unusable(f"{name}: {error.strerror}") from error
    with source:
        yield source


@contextmanager
def writing(path: Path, source: IO[bytes]) -> Generator[IO[str]]:
    """A file to write to, which takes the place of the one at `path` only at the end.

    What was written before a failure stays beside it, as `….part`. Raises Unusable, also where it is `source` itself:
    the lines that cannot be read would be lost.
    """
    # What is no ordinary file, such as a pipe, is nobody's to replace.
    is_replaced = not path.is_symlink() and (path.is_file() or not path.exists())
    place = path.with_name(f"{path.name}.part") if is_replaced else path
    try:
        if path.is_file() and os.path.samestat(path.stat(), os.fstat(source.fileno())):
            raise Unusable(f"{path}: it is the file that is read; give --output another name")
        file = place.open("w", encoding="utf-8")
        if is_replaced and path.exists():
            shutil.copymode(path, place)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    with file:
        yield file
    if is_replaced:
        place.replace(path)


def text_of(path: Path) -> str:
    """What a text file says. Raises Unusable."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unusable(f"{path}: it is not UTF-8") from error


def items(lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any] | ValueError]]:
    """Of each line that is not blank its number, and what is to be judged or why it cannot be."""
    for number, line in enumerate(lines, 1):
        try:
            # Some editors begin a file with a mark of its encoding.
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            yield number, ValueError("it is not UTF-8")
            continue
        if text.strip():
            try:
                yield number, _item(text)
            except ValueError as error:
                yield number, error


def _refuse(name: str) -> None:
    # Python reads and writes these; others cannot read them then.
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _item(line: str) -> dict[str, Any]:
    try:
        read: object = json.loads(line, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(read, dict):
        raise ValueError("it is not a JSON object")
    item = cast("dict[str, Any]", read)
    for name in ("prompt", "response"):
        if not isinstance(item.get(name), str):
            raise ValueError(f"`{name}` must be text")
    for name in LABELS:
        if not isinstance(item.get(name), str | None):
            raise ValueError(f"`{name}` must be text")
    documents = item.get("retrieved_docs")
    if documents is not None and not isinstance(documents, list):
        raise ValueError("`retrieved_docs` must be a list of texts")
    if not all(isinstance(each, str) for each in cast("list[object]", documents or [])):
        raise ValueError("`retrieved_docs` must be a list of texts")
    return item
