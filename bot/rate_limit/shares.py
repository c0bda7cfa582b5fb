"""Shares of the bot's rate: whole numbers of starts in one window, leased by the processes of a bot.

Each process keeps its own sliding window of as many starts as its share, so their sum is never above the
limit. What a process gives back, or leaves behind when it dies, may be used by others one window later: until
then it still counts. Pure: time is an argument, in seconds of the database's clock.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass, replace

LEASE_SECONDS = 3.0
_TURN_SECONDS = 5.0  # after which another process is the first to get an indivisible rest


@dataclass(frozen=True, slots=True)
class Share:
    """`most` starts per window for `owner` until `until`; without an owner it was given back then."""

    owner: str
    most: int
    wanted: int
    until: float


def read_shares(text: str) -> list[Share]:
    return [Share(*each) for each in json.loads(text or "[]")]


def write_shares(shares: Collection[Share]) -> str:
    return json.dumps([astuple(each) for each in shares])


def renewed(
    shares: Collection[Share],
    owner: str,
    *,
    wanted: int,
    most: int,
    window: float,
    now: float,
    grace: float,
) -> list[Share]:
    """Return the shares after `owner` renewed its own, which is the last of them.

    It gives back what others want more, `grace` seconds after `now`, and takes only what no one may still
    use.
    """
    counted = [each for each in shares if each.until + window > now]
    own = next((each for each in counted if each.owner == owner and each.until > now), None)
    others = [each for each in counted if each is not own]
    held = own.most if own is not None else 0
    wants = {each.owner: each.wanted for each in others if each.owner and each.until > now}
    target = fair_shares({**wants, owner: wanted}, most, now)[owner]
    granted = min(target, max(0, most - sum(each.most for each in others)))
    if granted < held:
        others.append(Share(owner="", most=held - granted, wanted=0, until=now + grace))
    return [*others, Share(owner=owner, most=granted, wanted=wanted, until=now + LEASE_SECONDS)]


def released(shares: Collection[Share], owner: str, now: float) -> list[Share]:
    """Return the shares after `owner` gave its own back."""
    return [
        replace(each, owner="", wanted=0, until=min(each.until, now)) if each.owner == owner else each
        for each in shares
    ]


def fair_shares(wanted: Mapping[str, int], most: int, now: float) -> dict[str, int]:
    """Divide `most` starts by max-min fairness; everyone has at least one, where there are enough.

    What none of them wants is divided evenly.
    """
    owners = sorted(wanted)
    turn = int(now // _TURN_SECONDS) % len(owners)
    least = 1 if most > len(owners) else 0
    needs = {owner: min(most, max(least, wanted[owner])) for owner in owners[turn:] + owners[:turn]}
    shares, left = dict[str, int](), most
    for rank, owner in enumerate(sorted(needs, key=needs.__getitem__)):
        shares[owner] = min(needs[owner], left // (len(needs) - rank))
        left -= shares[owner]
    for index, owner in enumerate(shares):
        shares[owner] += left // len(shares) + (index < left % len(shares))
    return shares
