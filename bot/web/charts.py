"""SVG charts of the pages: calendar heat map, readers over time, map of series and mentions.

Pure functions; colours are CSS classes, so light and dark follow the page's theme.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from markupsafe import Markup

from storage.model import Post, PostId

CELL = 11  # px, a day of the heat map with its gap
CHART_WIDTH, CHART_HEIGHT = 320, 90  # px
MAP_SIZE = 640  # px
LEVELS = 4


def heat_map(year: int, days: Mapping[date, int], title: str) -> Markup:
    """Return the days of `year` as columns of weeks; `days` counts the posts of a day."""
    first = date(year, 1, 1)
    offset = first.weekday()
    cells = [_empty_days(offset)]
    for day, posts in sorted(days.items()):
        column, row = divmod((day - first).days + offset, 7)
        cells.append(
            Markup(
                '<rect class="level{}" x="{}" y="{}" width="9" height="9" rx="2"><title>{}</title></rect>'
            ).format(min(posts, LEVELS), column * CELL, row * CELL, f"{day}: {posts}")
        )
    return _svg(53 * CELL + CELL, 7 * CELL, title, Markup("").join(cells), "heat")


def _empty_days(offset: int) -> Markup:
    """Return the grid of a year that starts on weekday `offset`: one path instead of 365 elements."""
    steps = []
    for row in range(7):
        start = CELL if row < offset else 0
        steps.append(f"M{start} {row * CELL + 4.5}H{53 * CELL}")
    return Markup('<path class="days" d="{}"/>').format("".join(steps))


def readers_chart(counts: Sequence[tuple[datetime, int]], title: str) -> Markup | None:
    """Return the readers by capture time as a line; None if they do not differ."""
    points = sorted(dict(counts).items())
    if len({readers for _, readers in points}) < 2:
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
    groups: Sequence[tuple[str, Sequence[Post]]], references: Sequence[tuple[PostId, PostId]], title: str
) -> Markup:
    """Return every series as a cluster on a spiral, its parts on a circle, mentions as lines."""
    places: dict[PostId, tuple[float, float]] = {}
    nodes: list[Markup] = []
    for index, (name, posts) in enumerate(groups):
        angle, distance = index * 2.39996, 26 * math.sqrt(index)  # the golden angle spreads clusters evenly
        scale = (MAP_SIZE / 2 - 40) / (26 * math.sqrt(max(len(groups), 2)))
        x, y = (
            MAP_SIZE / 2 + distance * scale * math.cos(angle),
            MAP_SIZE / 2 + distance * scale * math.sin(angle),
        )
        radius = 4 + 1.6 * math.sqrt(len(posts)) * 2
        for number, post in enumerate(posts):
            turn = number / len(posts) * 2 * math.pi
            places[post.id] = (x + radius * math.cos(turn), y + radius * math.sin(turn))
            nodes.append(
                Markup(
                    '<a href="/post/{}"><circle cx="{:.1f}" cy="{:.1f}" r="2.4">'
                    "<title>{}</title></circle></a>"
                ).format(post.id, *places[post.id], post.title)
            )
        nodes.append(
            Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
                x, y - radius - 3, name
            )
        )
    lines = [
        Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(*places[one], *places[other])
        for one, other in references
        if one in places and other in places
    ]
    return _svg(MAP_SIZE, MAP_SIZE, title, Markup("").join([*lines, *nodes]), "map")


def _svg(width: float, height: float, title: str, content: Markup, kind: str) -> Markup:
    role = "group" if kind == "map" else "img"  # links inside an image cannot be reached
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" role="{}" aria-label="{}" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    ).format(kind, width, height, role, title, content)
