"""Names of facts up to 128 characters: that of a personal feed has 64 of its secret's digest

Only PostgreSQL enforces the length, so that there no personal feed could be made.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("facts") as facts:
        facts.alter_column("name", existing_type=sa.String(64), type_=sa.String(128), existing_nullable=False)
