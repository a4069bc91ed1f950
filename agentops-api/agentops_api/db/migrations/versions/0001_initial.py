"""Accounts, projects, keys, evaluations and their rollups."""

from pathlib import Path

from alembic import op
from sqlalchemy import DDL

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(DDL(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%")))
