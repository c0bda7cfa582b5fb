"""Which files need no rest: those that were whole when they appeared."""

from pathlib import Path

import pytest
from watchfiles import Change

from bot.intake import dump_folder
from bot.intake.dump_folder import moved_in
from tests.end_to_end.whole_bot import WholeBot
from tests.fakes.people import FakeTelegram
from tests.tools.dumps import Shown

ADDED, GONE, WRITTEN = Change.added, Change.deleted, Change.modified
TITLE = "位置编码随笔第一则"


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        pytest.param([(GONE, "d/news.part"), (ADDED, "d/news.txt")], ["d/news.txt"], id="another ending"),
        pytest.param([(GONE, "d/.n.txt.part"), (ADDED, "d/n.txt")], ["d/n.txt"], id="hidden and unfinished"),
        pytest.param([(GONE, "d/.n.txt.Xa3f"), (ADDED, "d/n.txt")], ["d/n.txt"], id="as rsync does"),
        pytest.param(
            [(ADDED, "d/n.tmp"), (WRITTEN, "d/n.tmp"), (GONE, "d/n.tmp"), (ADDED, "d/n.txt")],
            ["d/n.txt"],
            id="written and renamed at once",
        ),
        pytest.param([(ADDED, "d/n.txt")], [], id="made in place, or moved in from elsewhere"),
        pytest.param([(ADDED, "d/n.txt"), (WRITTEN, "d/n.txt")], [], id="written in place"),
        pytest.param([(WRITTEN, "d/n.txt")], [], id="written further"),
        pytest.param(
            [(GONE, "d/n.part"), (ADDED, "d/n.txt"), (WRITTEN, "d/n.txt")], [], id="written after the rename"
        ),
        pytest.param([(GONE, "d/other.part"), (ADDED, "d/n.txt")], [], id="another file's unfinished name"),
        pytest.param([(GONE, "d/n.old"), (ADDED, "d/n.txt")], [], id="from a name that was not unfinished"),
        pytest.param([(GONE, "e/n.part"), (ADDED, "d/n.txt")], [], id="in another folder"),
    ],
)
def test_a_file_is_whole_if_it_was_renamed_from_its_unfinished_name(
    changes: list[tuple[Change, str]], whole: list[str]
) -> None:
    assert moved_in(changes) == set(map(Path, whole))


async def test_a_file_that_is_renamed_in_need_not_rest(
    bot: WholeBot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.knows(Shown(title="旧文"))
    await bot.subscribes()
    monkeypatch.setattr(dump_folder, "REST_SECONDS", 3600.0)
    bot.lands("next.txt", Shown(title=TITLE))
    assert TITLE in (await telegram.message()).text
