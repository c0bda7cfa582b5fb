"""Commands on dumps and stored posts: parse, ingest, export, import, series.

The fields of `parse` and `ingest` are a contract with other programs.
"""

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import click

from bot.archive_queries import with_gaps
from bot.export import UnknownRecordError, every_record, restore
from bot.intake.derive import references_in
from bot.intake.dump_folder import UnreadableFileError, captures, scan, shown_name
from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.intake.ingest import IngestReport
from bot.intake.series import SeriesMembership, derive_series
from bot.intake.tagging import Vocabulary, infer_tags, learn, tag_key
from bot.messages.post_lists import Gap
from bot.settings import Settings
from bot.site_profile import KEXUE, SiteProfile
from bot.wiring import ingest_file, opened_database, rules_of
from storage.clock import SystemClock
from storage.database import Transaction
from storage.model import Dump, Post, ScopeKind, Sighting

log = logging.getLogger(__name__)

MANY = 20  # files from which a progress bar is shown

# Internal columns: keys and times of the evidence.
PRIVATE = (
    "title_key", "series_key", "series_id", "title_at", "title_layout", "excerpt_at", "excerpt_layout",
    "excerpt_partial", "date_at", "date_layout", "month_day_at", "category_at", "tags_at",
)  # fmt: skip


def parse_file(path: Path, site: SiteProfile = KEXUE) -> bool:
    """Print the sightings of a file; return False after a line on standard error if a part is unreadable."""
    parsed = True
    try:
        for dump in captures(path, shown_name(Path(path.name)), datetime.now(UTC), site):
            parsed &= _parse(shown_name(path.parent / dump.name), dump, site)
    except (UnreadableFileError, UnreadableDumpError) as reason:
        click.echo(f"{shown_name(path)}: {reason}", err=True)
        return False
    return parsed


def _parse(path: str, dump: Dump, site: SiteProfile) -> bool:
    try:
        reading = read_dump(dump, site)
    except UnreadableDumpError as reason:
        click.echo(f"{path}: {reason}", err=True)
        return False
    membership = derive_series(dict(enumerate(sighting.title for sighting in reading.sightings)))
    vocabulary = learn((s.title, s.excerpt or "", s.tags) for s in reading.sightings if s.tags)
    for at, sighting in enumerate(reading.sightings):
        parsed = _parsed(Path(path).name, reading.format, sighting, membership.get(at))
        click.echo(_json(parsed | {"inferred_tags": _inferred(vocabulary, sighting)}))
    for note in reading.notes:
        click.echo(f"{path}: {note}", err=True)
    return True


def _inferred(vocabulary: Vocabulary, sighting: Sighting) -> tuple[str, ...]:
    """Return inferred tags that are not given; one file trains the vocabulary less than an archive."""
    given = {tag_key(tag) for tag in sighting.tags or ()}
    found = infer_tags(vocabulary, sighting.title, sighting.excerpt or "", sighting.category)
    return tuple(tag for tag in found if tag_key(tag) not in given)


def _parsed(file: str, layout: str, sighting: Sighting, place: SeriesMembership | None) -> dict[str, Any]:
    return {
        "file": file,
        "layout": layout,
        "title": sighting.title or None,
        "date": sighting.date,
        "month_day": sighting.month_day,
        "readers": sighting.readers,
        "comments": sighting.comments,
        "category": sighting.category,
        "tags": sighting.tags,
        "excerpt": sighting.excerpt,
        "series": place.series if place else None,
        "episode": place.episode if place else None,
        "archive_id": sighting.archive_id,
        "url": sighting.url,
        "style": place.style if place else None,
        "date_certainty": "given" if sighting.date else None,
        "mentions": [mention.title for mention in references_in(sighting.excerpt or "")],
    }


async def ingest_paths(settings: Settings, paths: Iterable[Path], *, as_json: bool) -> int:
    """Ingest files and folders, print one line per dump, return the exit code."""
    rules, clock = rules_of(settings), SystemClock()
    files = list(_files(paths))
    hidden = len(files) <= MANY or not sys.stderr.isatty()
    failed = False
    async with opened_database(settings) as database:
        with click.progressbar(files, label="ingest", file=sys.stderr, hidden=hidden) as progress:
            for path, name in progress:
                try:
                    reports = await ingest_file(database, path, name, rules, clock)
                except Exception as error:  # a fault of one file; the others are still taken in
                    log.exception("%s could not be taken in", name)
                    click.echo(f"{name}: {type(error).__name__}", err=True)
                    failed, reports = True, []
                for report in reports:
                    failed |= report.error is not None
                    click.echo(_json(_reported(report)) if as_json else _line(report))
                    for note in report.notes:
                        click.echo(f"{report.dump}: {note}", err=True)
    return int(failed)


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        if path.is_dir():
            for found in scan(path):
                yield found.path, shown_name(found.path.relative_to(path))
        else:
            yield path, shown_name(Path(path.name))


def _reported(report: IngestReport) -> dict[str, Any]:
    fields = ("dump", "layout", "sightings", "new", "edited", "unchanged", "skipped", "error")
    notes = [{"kind": note.kind, "text": note.text} for note in report.notes]
    return {name: getattr(report, name) for name in fields} | {"notes": notes}


def _line(report: IngestReport) -> str:
    if report.error is not None:
        return f"{report.dump}: {report.error}"
    return (
        f"{report.dump}: {report.layout}, {report.sightings} sightings, {report.new} new, "
        f"{report.edited} edited, {report.unchanged} unchanged, {report.skipped} skipped"
    )


async def export_stored(settings: Settings, what: str) -> None:
    """Print the posts or chats, one JSON object per line."""
    async with opened_database(settings) as database:
        for line in await database.read(_posts if what == "posts" else every_record):
            click.echo(_json(line))


async def _posts(tx: Transaction) -> list[dict[str, Any]]:
    return [await _stored(tx, post) for post in await tx.posts.everything()]


async def _stored(tx: Transaction, post: Post) -> dict[str, Any]:
    fields = {name: value for name, value in asdict(post).items() if name not in PRIVATE}
    mentions = await tx.posts.mentions_in(post.id)
    return fields | {
        "aliases": [title for _, title in post.aliases],
        "mentions": [{"title": m.title, "kind": m.kind, "post": m.target} for m in mentions],
    }


async def import_chats(settings: Settings, lines: Iterable[str]) -> int:
    """Import the output of `export chats` in one transaction; return the exit code."""
    try:
        records = [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"not a line of JSON: {error}") from error
    now = SystemClock().now()
    async with opened_database(settings) as database:
        try:
            done = await database.write(lambda tx: restore(tx, records, now))
        except UnknownRecordError as error:
            raise click.ClickException(f"nothing was imported: {error}") from error
    click.echo(f"{done.chats} chats, {done.people} people")
    for title in sorted(done.unknown_posts):
        click.echo(f"not stored here, so not bookmarked or read: {title}", err=True)
    return int(bool(done.unknown_posts))


async def list_series(settings: Settings) -> None:
    """Print one line per series with the stored and the missing episodes."""
    async with opened_database(settings) as database:
        for line in await database.read(_series_lines):
            click.echo(line)


async def _series_lines(tx: Transaction) -> list[str]:
    lines = []
    for counted in await tx.scopes.counted(ScopeKind.SERIES):
        entries = with_gaps(await tx.posts.of_series(counted.scope.id), counted.scope, ())
        gaps = [str(entry.episode) for entry in entries if isinstance(entry, Gap)]
        missing = f"  (missing: {', '.join(gaps)})" if gaps else ""
        lines.append(f"{counted.scope.name}  {counted.posts}/{len(entries)}{missing}")
    return lines


def _json(value: object) -> str:
    """Return JSON, in ASCII where the output's encoding may lack a character."""
    ascii_only = sys.stdout is not None and sys.stdout.encoding.lower().replace("-", "") != "utf8"
    return json.dumps(value, ensure_ascii=ascii_only, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
