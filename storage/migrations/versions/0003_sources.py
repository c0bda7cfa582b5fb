"""Pages that are fetched by themselves; when a post's category and tags were seen"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("next_run", sa.BigInteger(), nullable=False),
        sa.Column("last_try", sa.BigInteger(), nullable=True),
        sa.Column("last_success", sa.BigInteger(), nullable=True),
        sa.Column("last_change", sa.BigInteger(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("items_sha256", sa.String(length=64), nullable=True),
        sa.Column("items", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("alerted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_sources")),
    )
    op.add_column("posts", sa.Column("category_at", sa.BigInteger(), nullable=True))
    op.add_column("posts", sa.Column("tags_at", sa.BigInteger(), nullable=True))
