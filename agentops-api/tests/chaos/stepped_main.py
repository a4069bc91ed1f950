"""The server with a clock that can be set: at each SIGUSR1 it reads by how many seconds from the file `clock_step` in
its working directory. Only the wall clock moves, as when a machine's is set; the monotonic one goes on.
"""

import os
import runpy
import signal
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import time_machine

stepped = ExitStack()
started_wall, started_monotonic = time.time(), time.monotonic()


def step(signum: int, frame: FrameType | None) -> None:
    seconds = float(Path("clock_step").read_text())
    true_wall = started_wall + time.monotonic() - started_monotonic
    stepped.close()
    stepped.enter_context(time_machine.travel(datetime.fromtimestamp(true_wall + seconds, UTC), tick=True))
    Path("clock_step").unlink()


signal.signal(signal.SIGUSR1, step)
runpy.run_path(os.path.join(os.environ["PYTHONPATH"], "main.py"), run_name="__main__")  # noqa: PTH118 - as Python does
