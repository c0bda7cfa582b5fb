"""`kexue-bot preview` on a stored archive: which post is meant, what is written, what a failure says."""

import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.preview import NoSuchPostError, preview, screenshot
from bot.preview.screenshot import NoPictureError, take_picture
from bot.settings import Settings, read_settings
from tests.end_to_end.whole_bot import WholeBot
from tests.tools.dumps import Shown

ROTATION = Shown(title="旋转矩阵小记", excerpt="这里的$\\boldsymbol{R}_{m-n}$只依赖于差,为测试而写。")


async def _settings(bot: WholeBot) -> Settings:
    await bot.knows(ROTATION, Shown(title="另一篇"))
    return read_settings(_env_file=None, database_url=bot.url)


@pytest.mark.parametrize("wanted", ["1", "旋转", "旋转矩阵小记"])
async def test_a_post_is_named_by_number_or_words(resting_bot: WholeBot, wanted: str) -> None:
    title, page = await preview(await _settings(resting_bot), wanted, language="zh", kind="announcement")
    assert title == ROTATION.title
    assert "\\boldsymbol{R}_{m-n}" in page


async def test_a_card_and_an_announcement_differ(resting_bot: WholeBot) -> None:
    settings = await _settings(resting_bot)
    _, news = await preview(settings, "1", language="zh", kind="announcement")
    _, card = await preview(settings, "1", language="zh", kind="card")
    assert ["补收旧文" in page for page in (news, card)] == [True, False]
    assert ["读过了" in page for page in (news, card)] == [False, True]


async def test_an_unknown_post_is_said_to_be_unknown(resting_bot: WholeBot) -> None:
    settings = await _settings(resting_bot)
    with pytest.raises(NoSuchPostError, match="words of its title"):
        await preview(settings, "没有这一篇", language="zh", kind="card")


def test_without_a_browser_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoPictureError, match=r"--out FILE\.html"):
        take_picture("<html><body>x</body></html>", tmp_path / "x.png")


@pytest.mark.skipif(screenshot.find() is None, reason="no browser on this machine")
def test_a_picture_is_as_large_as_the_page(tmp_path: Path) -> None:
    body = '<body style="margin:0"><div style="width:300px;height:140px">x</div></body>'
    take_picture(f"<!doctype html><html>{body}</html>", tmp_path / "x.png", scale=1)
    head = (tmp_path / "x.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) >= (300, 140)


def test_another_ending_is_refused_before_anything_is_done() -> None:
    done = CliRunner().invoke(main, ["preview", "1", "--out", "x.pdf"])
    assert (done.exit_code, "must end in .html or .png" in done.stderr) == (2, True)
