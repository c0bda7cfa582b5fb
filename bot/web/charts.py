"""SVG charts of the pages: calendar heat map, readers over time, map of series and mentions.

Pure functions; colours are CSS classes, so light and dark follow the page's theme.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from markupsafe import Markup, escape

from storage.model import Post, PostId, Scope

CELL = 11  # px, a day of the heat map with its gap
CHART_WIDTH, CHART_HEIGHT = 320, 90  # px
MAP_MARGIN, MAP_EDGE = 34, 50  # units around a disc, and around all
MAP_LABEL = 14  # characters
LEVELS = 4
GOLDEN_ANGLE = 2.39996  # spreads clusters evenly


def heat_map(year: int, days: Mapping[date, int], title: str) -> Markup:
    """Return the days of `year` as columns of weeks; `days` counts the posts of a day."""
    first = date(year, 1, 1)
    offset = first.weekday()
    cells = [_empty_days(offset)]
    for day, posts in sorted(days.items()):  # numbers and dates only: nothing to escape
        column, row = divmod((day - first).days + offset, 7)
        cells.append(
            f'<rect class="level{min(posts, LEVELS)}" x="{column * CELL}" y="{row * CELL}" '
            f'width="9" height="9" rx="2"><title>{day}: {posts}</title></rect>'
        )
    content = Markup("".join(cells))  # noqa: S704
    return _svg(53 * CELL + CELL, 7 * CELL, title, content, "heat")


def _empty_days(offset: int) -> str:
    """Return the grid of a year that starts on weekday `offset`: one path instead of 365 elements."""
    steps = []
    for row in range(7):
        start = CELL if row < offset else 0
        steps.append(f"M{start} {row * CELL + 4.5}H{53 * CELL}")
    return f'<path class="days" d="{"".join(steps)}"/>'


def readers_chart(counts: Sequence[tuple[datetime, int]], title: str) -> Markup | None:
    """Return the readers by capture time as a line; None if they do not differ or within a day."""
    points = sorted(dict(counts).items())
    if len({readers for _, readers in points}) < 2 or points[-1][0] - points[0][0] < timedelta(days=1):
        return None
    start, end = points[0][0].timestamp(), points[-1][0].timestamp()
    low, high = min(n for _, n in points), max(n for _, n in points)
    placed = [
        (
            6 + (at.timestamp() - start) / (end - start) * (CHART_WIDTH - 12),
            CHART_HEIGHT - 18 - (readers - low) / max(high - low, 1) * (CHART_HEIGHT - 36),
        )
        for at, readers in points
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    labels = Markup('<text x="4" y="{}">{}</text><text x="{}" y="12" text-anchor="end">{}</text>').format(
        CHART_HEIGHT - 4,
        f"{low:,} · {points[0][0]:%Y-%m-%d}",
        CHART_WIDTH - 4,
        f"{high:,} · {points[-1][0]:%Y-%m-%d}",
    )
    return _svg(
        CHART_WIDTH, CHART_HEIGHT, title, Markup('<polyline points="{}"/>{}').format(line, labels), "line"
    )


def series_map(
    groups: Sequence[tuple[Scope, Sequence[Post]]],
    references: Sequence[tuple[PostId, PostId]],
    title: str,
    suffix: str,
) -> Markup:
    """Return every series as a cluster on a spiral, its parts on a circle, mentions as lines.

    `suffix` is the query of the links.
    """
    places: dict[PostId, tuple[float, float]] = {}
    nodes: list[str] = []
    covered = 0.0  # area of the discs so far: the spiral keeps discs of any size apart
    for index, (scope, posts) in enumerate(groups):
        radius = 3.2 * math.sqrt(len(posts)) if len(posts) > 1 else 0
        area = (radius + MAP_MARGIN) ** 2
        distance = 1.25 * math.sqrt(covered + area / 2) if index else 0
        covered += area
        x, y = distance * math.cos(index * GOLDEN_ANGLE), distance * math.sin(index * GOLDEN_ANGLE)
        for number, post in enumerate(posts):
            turn = number / len(posts) * 2 * math.pi
            cx, cy = places[post.id] = x + radius * math.cos(turn), y + radius * math.sin(turn)
            nodes.append(
                f'<a href="/post/{post.id}{escape(suffix)}"><circle cx="{cx:.1f}" cy="{cy:.1f}" r="2.6">'
                f"<title>{escape(post.title)}</title></circle></a>"
            )
        shown = scope.name if len(scope.name) <= MAP_LABEL else scope.name[: MAP_LABEL - 1] + "…"
        nodes.append(
            f'<a href="/series/{scope.id}{escape(suffix)}"><text x="{x:.1f}" y="{y - radius - 5:.1f}" '
            f'text-anchor="middle">{escape(shown)}</text></a>'
        )
    lines = [
        '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'.format(*places[one], *places[other])
        for one, other in references
        if one in places and other in places
    ]
    edge = max((max(abs(x), abs(y)) for x, y in places.values()), default=0) + MAP_EDGE
    content = Markup("".join([*lines, *nodes]))  # noqa: S704 - escaped above
    return _svg(2 * edge, 2 * edge, title, content, "map", origin=-edge)


def _svg(width: float, height: float, title: str, content: Markup, kind: str, *, origin: float = 0) -> Markup:
    role = "group" if kind == "map" else "img"  # links inside an image cannot be reached
    return Markup(
        '<svg class="{}" viewBox="{:.0f} {:.0f} {:.0f} {:.0f}" role="{}" aria-label="{}"'
        ' xmlns="http://www.w3.org/2000/svg">{}</svg>'
    ).format(kind, origin, origin, width, height, role, title, content)
