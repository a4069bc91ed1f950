"""Words of any script, in any form, whatever the locale."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # As it stands: Alembic would read colons as parameters and double the percent signs.
    op.get_context().impl.static_output(Path(__file__).with_suffix(".sql").read_text())
