"""An index on the deliveries that were not sent: they are counted without reading the history"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UNSENT = sa.text("state IN ('failed', 'uncertain', 'cancelled', 'expired', 'held')")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_unsent",
        "deliveries",
        ["state"],
        unique=False,
        sqlite_where=UNSENT,
        postgresql_where=UNSENT,
    )
