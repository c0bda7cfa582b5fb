"""How and when things come to a chat. The values that a setting can have are known elsewhere."""

from dataclasses import dataclass
from enum import StrEnum


class Setting(StrEnum):
    """A row of /settings; the word is what stands in callback data."""

    LANGUAGE = "language"
    FORMAT = "format"
    WHEN = "when"
    HOUR = "hour"
    WEEKDAY = "weekday"
    QUIET = "quiet"
    TIME_ZONE = "zone"
    SOUND = "sound"
    EXCERPT = "excerpt"
    PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class Settings:
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The values one setting can have."""

    setting: Setting
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """`value` is 1-32 of A-Za-z0-9_+/-; whether it is a value of `setting` is for its reader to see."""

    setting: Setting
    value: str
    destination: int | None = None


SettingsAction = Settings | Options | Choose
