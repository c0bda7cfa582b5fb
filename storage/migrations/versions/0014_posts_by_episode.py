"""Posts by series and episode: a claim looks up the episode before

By the series alone it read the series once for each of its posts, for every claimed row.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_posts_series_episode", "posts", ["series_id", "episode"])
    op.drop_index("ix_posts_series_id", "posts")
