"""The blog in figures, from what is stored."""

from bot.messages.figures import Figures, SeriesGrowth
from storage.database import Transaction
from storage.model import ScopeKind

MOST_READ = 8
LONGEST_SERIES = 4
LEAST_EPISODES = 2


async def archive_figures(tx: Transaction) -> Figures:
    posts = await tx.posts.everything()
    per_year: dict[int, int] = {}
    for post in posts:
        if post.date is not None:
            per_year[post.date.year] = per_year.get(post.date.year, 0) + 1
    years = range(min(per_year), max(per_year) + 1) if per_year else range(0)
    read = sorted((p for p in posts if p.readers), key=lambda p: (-(p.readers or 0), p.id))
    days = {
        name: tuple(sorted(p.date for p in posts if p.series == name and p.date is not None))
        for name in {p.series for p in posts if p.series}
    }
    longest = sorted((-len(dates), name) for name, dates in days.items() if len(dates) >= LEAST_EPISODES)
    return Figures(
        posts=len(posts),
        series_count=len(await tx.scopes.counted(ScopeKind.SERIES)),
        readers=sum(p.readers or 0 for p in posts),
        years=tuple((year, per_year.get(year, 0)) for year in years),
        most_read=tuple(read[:MOST_READ]),
        series=tuple(SeriesGrowth(name=name, days=days[name]) for _, name in longest[:LONGEST_SERIES]),
    )
