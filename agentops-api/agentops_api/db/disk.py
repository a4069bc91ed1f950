"""How much room a directory's disk has, and the ballast: room kept back for the day when there is none.

A full disk refuses even DELETE and TRUNCATE, and PostgreSQL may need space to finish its crash recovery. A
file of real blocks, which can be deleted at that moment, is what brings such a machine back. Knows nothing of
PostgreSQL.
"""

import contextlib
import os
from pathlib import Path

BALLAST_BYTES = 64 * 1024 * 1024
ROOM_BYTES_MIN = 1024 * 1024 * 1024
ROOM_FRACTION_MIN = 0.20
FULL_BYTES = 32 * 1024 * 1024
WRITE_BYTES_MIN = 48 * 1024 * 1024
"""Less than three WAL segments: the next batch could leave PostgreSQL without the one that it needs to stay up."""


def free_fraction(path: Path) -> float:
    """The share, 0 to 1, of the file system holding `path` that an ordinary user may still write."""
    stat = os.statvfs(path)
    return stat.f_bavail / stat.f_blocks if stat.f_blocks else 0.0


def free_bytes(path: Path) -> int:
    """What an ordinary user may still write on the file system holding `path`."""
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize


def total_bytes(path: Path) -> int:
    """The size of the file system holding `path`."""
    stat = os.statvfs(path)
    return stat.f_blocks * stat.f_frsize


def is_full(path: Path) -> bool:
    """True when less is free than two WAL segments: then PostgreSQL may not be able to start."""
    return free_bytes(path) < FULL_BYTES


def has_room_to_write(path: Path) -> bool:
    """False when what is free should be left to PostgreSQL, so that it can go on answering reads. Takes 2 us."""
    return free_bytes(path) >= WRITE_BYTES_MIN


def has_room_for_files(path: Path) -> bool:
    """False when what is free should be left to evaluations: what could be done without is not written then."""
    return free_bytes(path) > ROOM_BYTES_MIN or free_fraction(path) > ROOM_FRACTION_MIN


def has_room_for_ballast(directory: Path) -> bool:
    """True when more than 1 GiB or 20 % would remain free with the ballast in place.

    Counting what remains afterwards keeps a ballast that was just released from being made again at once.
    """
    remaining = free_bytes(directory) - BALLAST_BYTES
    return remaining > ROOM_BYTES_MIN or remaining > ROOM_FRACTION_MIN * total_bytes(directory)


def make_ballast(path: Path) -> bool:
    """Writes the ballast unless it is there or would not leave enough room; True when it was made now.

    Takes about as long as the disk needs for 64 MB. The blocks are random, so that a compressing file system
    keeps them too.
    """
    if path.exists() or not has_room_for_ballast(path.parent):
        return False
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("wb") as file:
            block = os.urandom(1024 * 1024)
            for _ in range(BALLAST_BYTES // len(block)):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        return False
    return True


def release_ballast(path: Path) -> bool:
    """Deletes the ballast; True when there was one."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
