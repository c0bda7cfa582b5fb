"""Edits are planned in batches: since when their messages were sent"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("since", sa.BigInteger(), nullable=True))
