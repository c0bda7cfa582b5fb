"""Any bytes into every parser: the declared refusal or a sound value, within time and size.

`python -m tests.torture.fuzz` runs longer, guided by coverage where atheris is installed.
"""

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.torture.fuzz_seeds import SEEDS, SIGNS
from tests.torture.fuzz_targets import TARGETS

EXAMPLES = 1500
SECONDS = 2.0  # of processor time that one input of at most LARGEST bytes may take
LARGEST = 6000

pytestmark = pytest.mark.torture


@st.composite
def mutants(draw: st.DrawFn, seeds: tuple[bytes, ...], signs: tuple[bytes, ...]) -> bytes:
    """A seed with pieces cut out, doubled, replaced, or put in."""
    mutant = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        at, length = draw(st.integers(0, len(mutant))), draw(st.integers(0, 40))
        match draw(st.integers(0, 3)):
            case 0:
                del mutant[at : at + length]
            case 1:
                mutant[at : at + length] = draw(st.binary(max_size=8))
            case 2:
                mutant[at:at] = draw(st.sampled_from(signs)) * draw(st.sampled_from([1, 1, 2, 300]))
            case _:
                mutant[at:at] = mutant[at : at + length]
    return bytes(mutant[:LARGEST])


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused(name: str) -> None:
    target, seeds, signs = TARGETS[name], SEEDS[name], SIGNS[name]
    heaps = st.lists(st.sampled_from(signs) | st.binary(max_size=4), max_size=60).map(b"".join)
    texts = st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=False, suppress_health_check=list(HealthCheck)
    )
    @given(st.one_of(st.binary(max_size=500), texts, heaps, mutants(seeds, signs)))
    def run(content: bytes) -> None:
        assert within_time(target, content)

    run()


@pytest.mark.parametrize("name", TARGETS)
def test_a_long_run_of_one_sign_takes_no_longer(name: str) -> None:
    """Nesting and repetition, where a parser's time or depth grows with more than the length."""
    for sign in SIGNS[name]:
        assert within_time(TARGETS[name], (sign * 20_000)[:20_000]), sign


def within_time(target: Callable[[bytes], None], content: bytes) -> bool:
    began = time.process_time()
    target(content)
    return time.process_time() - began < SECONDS
