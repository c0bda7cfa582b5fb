"""Mapping between destination rows and their dataclasses. Local times are minutes after midnight."""

from datetime import time

from sqlalchemy import RowMapping

from storage.model import Destination, Preferences


def destination_of(row: RowMapping) -> Destination:
    return Destination(
        id=row["id"],
        chat_id=row["chat_id"],
        thread_id=row["thread_id"] or None,
        kind=row["kind"],
        title=row["title"],
        standing=row["standing"],
        reason=row["reason"],
        preferences=Preferences(
            language=row["language"],
            format=row["format"],
            when=row["when"],
            hour=row["hour"],
            weekday=row["weekday"],
            quiet_from=time_of(row["quiet_from"]),
            quiet_to=time_of(row["quiet_to"]),
            time_zone=row["time_zone"],
            silent=row["silent"],
            excerpt=row["excerpt"],
            pictures=row["pictures"],
        ),
        refusals=row["refusals"],
    )


def preference_columns(preferences: Preferences) -> dict[str, object]:
    return {
        "language": preferences.language,
        "format": preferences.format,
        "when": preferences.when,
        "hour": preferences.hour,
        "weekday": preferences.weekday,
        "quiet_from": minutes_of(preferences.quiet_from),
        "quiet_to": minutes_of(preferences.quiet_to),
        "time_zone": preferences.time_zone,
        "silent": preferences.silent,
        "excerpt": preferences.excerpt,
        "pictures": preferences.pictures,
    }


def minutes_of(at: time | None) -> int | None:
    """Return a local time in minutes after midnight, as it is stored."""
    return None if at is None else at.hour * 60 + at.minute


def time_of(minutes: int | None) -> time | None:
    return None if minutes is None else time(minutes // 60, minutes % 60)
