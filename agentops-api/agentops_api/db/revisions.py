"""Prints the SQL from one revision to another: `python -m agentops_api.db.revisions base head`. Reads no database."""

import io
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config


def script(current: str, target: str) -> str:
    """The SQL from `current` (a revision, or `base`) to `target` (a revision, or `head`)."""
    printed = io.StringIO()
    config = Config(output_buffer=printed)
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, f"{current}:{target}", sql=True)
    return printed.getvalue()


if __name__ == "__main__":
    sys.stdout.write(script(*sys.argv[1:]))
