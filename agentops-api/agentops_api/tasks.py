"""Background tasks, and how they end."""

import asyncio

_ASK_AGAIN_S = 0.1


async def end(task: asyncio.Task[None]) -> None:
    """Cancels the task, and returns when it has ended; its error, if it had one, is not raised.

    Until Python 3.12 a cancellation that arrives just as `asyncio.wait_for` finishes is lost, and psycopg's pool waits
    that way: of sixty servers stopped right after their start one stood still (seen 2026-11-23). So it is repeated.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_ASK_AGAIN_S)
    if not task.cancelled():
        task.exception()
