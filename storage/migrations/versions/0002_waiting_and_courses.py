"""What waits for a digest or the end of quiet hours; courses through series"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "waiting",
        sa.Column("destination_id", number, nullable=False),
        sa.Column("post_id", number, nullable=False),
        sa.Column("scope_id", number, nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"],
            ["destinations.id"],
            name=op.f("fk_waiting_destination_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_waiting_post_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["scope_id"], ["scopes.id"], name=op.f("fk_waiting_scope_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("destination_id", "post_id", name=op.f("pk_waiting")),
    )
    op.create_index(op.f("ix_waiting_post_id"), "waiting", ["post_id"], unique=False)
    op.create_table(
        "courses",
        sa.Column("destination_id", number, nullable=False),
        sa.Column("scope_id", number, nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("when", sa.String(length=16), nullable=False),
        sa.Column("post_id", number, nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"],
            ["destinations.id"],
            name=op.f("fk_courses_destination_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["scope_id"], ["scopes.id"], name=op.f("fk_courses_scope_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_courses_post_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("destination_id", "scope_id", name=op.f("pk_courses")),
    )
    op.create_index(op.f("ix_courses_scope_id"), "courses", ["scope_id"], unique=False)
    op.create_index(op.f("ix_courses_post_id"), "courses", ["post_id"], unique=False)
