"""The other workers behind the same port (`uvicorn --workers`): whichever is scraped tells the numbers of all.

A scrape reaches one of them by chance. So each listens on a unix socket and tells its numbers to whoever was asked.
Each has a place (0, 1, ...) for a label: one that is started again takes the one that became free, and its counters
begin anew there, as Prometheus expects of a restart.
"""

import asyncio
import fcntl
import logging
import multiprocessing
import os
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from agentops_api.metrics import exposition

_WORKERS_MAX = 256
_ANSWER_S_MAX = 1.0
"""A worker that is too busy to answer in this time is left out of the scrape."""
_log = logging.getLogger(__name__)


class Workers:
    """This process's place among the workers of one port."""

    def __init__(self, directory: Path, place: int) -> None:
        self._directory = directory
        self._place = place

    async def all_families(self, own: Sequence[Metric]) -> list[Metric]:
        """The metrics of every worker, told apart by the label `worker`."""
        others = [path for path in self._directory.glob("*.sock") if path.stem != str(self._place)]
        told = await asyncio.gather(*(_ask(path) for path in others))
        families: dict[str, Sequence[Metric]] = {str(self._place): own}
        for path, text in zip(others, told, strict=True):
            families[path.stem] = list(text_string_to_metric_families(text))
        return merged(families)


async def join(stack: AsyncExitStack, families: Callable[[], Sequence[Metric]]) -> Workers | None:
    """Takes a place until the stack is left; None for a process that serves its port alone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return None
    directory = Path(tempfile.gettempdir()) / f"agentops-workers-{os.geteuid()}-{parent.pid}"
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        _log.warning("%s is somebody else's; each worker tells Prometheus only its own numbers", directory)
        return None
    stack.callback(_remove, directory)
    place = _take_place(stack, directory)
    socket = directory / f"{place}.sock"
    socket.unlink(missing_ok=True)

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(exposition(families(), "")[0])
            await writer.drain()
        except OSError:
            pass  # Whoever asked did not wait.
        finally:
            writer.close()

    server = await asyncio.start_unix_server(tell, socket)
    stack.callback(socket.unlink, missing_ok=True)
    stack.callback(server.close)
    return Workers(directory, place)


def merged(by_worker: Mapping[str, Sequence[Metric]]) -> list[Metric]:
    """One family a name, whose samples say which worker they are of."""
    found: dict[str, Metric] = {}
    for worker, families in sorted(by_worker.items()):
        for family in families:
            whole = found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            whole.samples += [each._replace(labels={**each.labels, "worker": worker}) for each in family.samples]
    return list(found.values())


def _take_place(stack: AsyncExitStack, directory: Path) -> int:
    """The first free place; the kernel frees it when this process ends, however it ends."""
    for place in range(_WORKERS_MAX):
        lock = directory / f"{place}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        stack.callback(os.close, descriptor)
        stack.callback(lock.unlink, missing_ok=True)
        return place
    raise OSError(f"more than {_WORKERS_MAX} workers")


def _remove(directory: Path) -> None:
    with suppress(OSError):  # Others are still in it.
        directory.rmdir()


async def _ask(socket: Path) -> str:
    """What the worker tells; nothing, if it is gone or too busy."""
    try:
        async with asyncio.timeout(_ANSWER_S_MAX):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                return (await reader.read()).decode()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""
