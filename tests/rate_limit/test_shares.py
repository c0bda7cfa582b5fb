"""Shares of the rate: never more than the whole within any window, fair, and none is lost for long."""

from hypothesis import given
from hypothesis import strategies as st

from bot.rate_limit.shares import (
    LEASE_SECONDS,
    Share,
    fair_shares,
    read_shares,
    released,
    renewed,
    write_shares,
)
from tests.tools.examples import examples

WINDOW, GRACE = 1.025, 0.1
STEPS = st.tuples(
    st.sampled_from(["renew", "renew", "renew", "release", "die"]),
    st.sampled_from("abcd"),
    st.integers(0, 40),
    st.floats(0.01, 3.0),
)


def renew(shares: list[Share], owner: str, wanted: int, now: float, most: int = 30) -> list[Share]:
    return renewed(shares, owner, wanted=wanted, most=most, window=WINDOW, now=now, grace=GRACE)


def granted(shares: list[Share]) -> dict[str, int]:
    return {each.owner: each.most for each in shares if each.owner}


@examples(100)
@given(st.lists(STEPS, max_size=40), st.sampled_from([1, 2, 30]))
def test_no_window_holds_more_than_the_whole(steps: list[tuple[str, str, int, float]], most: int) -> None:
    """Each process uses as much as it may: until its lease ends, what it gives back `grace` longer."""
    shares: list[Share] = []
    uses: list[tuple[str, float, float, int]] = []  # whose, from, to, how much
    now, dead = 1000.0, set[str]()
    for verb, owner, wanted, wait in steps:
        now += wait
        if verb == "die" or owner in dead:
            dead.add(owner)
            continue
        for at, (name, begin, end, much) in enumerate(uses):
            if name == owner and end > now:
                uses[at] = (name, begin, now + GRACE if verb == "renew" else now, much)
        if verb == "release":
            shares = read_shares(write_shares(released(shares, owner, now)))
        else:
            shares = read_shares(write_shares(renew(shares, owner, wanted, now, most)))
            uses.append((owner, now, shares[-1].until, shares[-1].most))
    for time in [begin for _, begin, _, _ in uses]:
        used = {
            name: max(
                (much for other, begin, end, much in uses if other == name and begin <= time < end + WINDOW),
                default=0,
            )
            for name, *_ in uses
        }
        assert sum(used.values()) <= most


@given(st.dictionaries(st.text("ab", min_size=1), st.integers(0, 50), min_size=1), st.integers(1, 40))
def test_all_is_divided_and_the_least_wishes_come_first(wanted: dict[str, int], most: int) -> None:
    shares = fair_shares(wanted, most, 0.0)
    assert sum(shares.values()) == most
    for owner, other in ((a, b) for a in wanted for b in wanted):
        assert shares[owner] >= min(wanted[owner], most, shares[other]) - 1, "nobody has less and wants more"


def test_a_process_alone_has_all_of_it_at_once() -> None:
    assert granted(renew([], "a", 0, 1000.0)) == {"a": 30}


def test_two_that_want_all_have_half_each_soon() -> None:
    shares, now = renew([], "a", 30, 1000.0), 1000.0
    for _ in range(4):
        now += 0.5
        shares = renew(renew(shares, "b", 30, now), "a", 30, now)
    assert granted(shares) == {"a": 15, "b": 15}


def test_one_that_is_idle_leaves_nearly_all_to_the_other() -> None:
    shares, now = renew([], "a", 0, 1000.0), 1000.0
    for _ in range(4):
        now += 0.5
        shares = renew(renew(shares, "b", 30, now), "a", 0, now)
    assert granted(shares) == {"a": 1, "b": 29}


def test_the_share_of_one_that_died_is_taken_over_after_its_lease_and_one_window() -> None:
    shares, now = renew([], "a", 30, 1000.0), 1000.0
    while granted(shares).get("b", 0) < 30:
        now += 0.5
        shares = renew(shares, "b", 30, now)
    assert LEASE_SECONDS + WINDOW <= now - 1000.0 <= LEASE_SECONDS + WINDOW + 0.5


def test_what_cannot_be_divided_is_had_in_turns() -> None:
    shares, now, turns = list[Share](), 1000.0, {"a": 0, "b": 0, "c": 0}
    for step in range(600):
        now += 0.1
        shares = renew(shares, "abc"[step % 3], 1, now, most=1)
        for owner, most in granted(shares).items():
            turns[owner] += most
    assert min(turns.values()) > 60
