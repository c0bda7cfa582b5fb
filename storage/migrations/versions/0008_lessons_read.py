"""Setting of a destination: lessons that were sent count as read"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "destinations",
        sa.Column("lessons_read", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
