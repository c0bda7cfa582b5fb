"""After the start unused objects are looked for rarely, but none that come later are kept for ever."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from bot.ops import memory


@pytest.fixture
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Circle:
    def __init__(self) -> None:
        self.itself = self


@pytest.mark.usefixtures("as_before")
def test_what_was_there_is_left_alone_and_later_circles_go_away() -> None:
    memory.freeze_gc()
    assert gc.get_freeze_count() > 0
    circles = weakref.WeakSet(Circle() for _ in range(3 * memory.YOUNG))
    assert len(circles) < 2 * memory.YOUNG
