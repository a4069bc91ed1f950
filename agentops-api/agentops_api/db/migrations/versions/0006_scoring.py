"""What a detector says of an evaluation; labels, calibrations, and the log of scoring."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # As it stands: Alembic would read colons as parameters and double the percent signs.
    op.get_context().impl.static_output(Path(__file__).with_suffix(".sql").read_text())
