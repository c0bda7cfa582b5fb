"""What a digest's duty is called, and what that name tells when the digest is written. Pure."""

import re
from datetime import date

from bot.messages.digests import Period
from storage.model import Rhythm, When

NAME = re.compile(r"digest:(day|week|night):(\d{4}-\d\d-\d\d):")
PERIODS = {"day": Period.DAY, "week": Period.WEEK, "night": Period.NIGHT}


def duty_of(rhythm: Rhythm, day: date) -> str:
    """The name of the digest of `day`; who plans it adds its last post, so that no name comes twice."""
    match rhythm.when:
        case When.DAILY:
            return f"digest:day:{day}"
        case When.WEEKLY:
            return f"digest:week:{day}"
        case When.INSTANT if rhythm.quiet_from is not None:
            return f"digest:night:{day}"
        case When.INSTANT:
            return f"digest:now:{day}"


def period_of(duty: str) -> tuple[Period, date | None]:
    """What a digest covers, and the reader's day; None for one that is called by the day it is sent."""
    found = NAME.match(duty)
    return (PERIODS[found[1]], date.fromisoformat(found[2])) if found else (Period.DUMP, None)
