"""`kexue-bot preview` on a stored archive: which post is meant, what is written, what a failure says."""

import re
import struct
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.messages.i18n import LANGUAGES, words_for
from bot.preview import (
    KINDS,
    NoPictureError,
    NoSuchPostError,
    Shot,
    bubble,
    find,
    page,
    preview,
    take_picture,
)
from bot.render import render
from bot.settings import Settings, read_settings
from storage.model import Form
from tests.end_to_end.whole_bot import WholeBot
from tests.messages import test_cards, test_digests, test_help, test_notices, test_post_lists, test_settings
from tests.messages.golden_files import Scene
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
    assert all("读过了" in page for page in (news, card))


async def test_an_unknown_post_is_said_to_be_unknown(resting_bot: WholeBot) -> None:
    settings = await _settings(resting_bot)
    with pytest.raises(NoSuchPostError, match="words of its title"):
        await preview(settings, "没有这一篇", language="zh", kind="card")


def test_without_a_browser_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoPictureError, match=r"--out FILE\.html"):
        take_picture("<html><body>x</body></html>", tmp_path / "x.png")


@pytest.mark.skipif(find() is None, reason="no browser on this machine")
def test_a_picture_is_as_large_as_the_page(tmp_path: Path) -> None:
    body = '<body style="margin:0"><div style="width:300px;height:140px">x</div></body>'
    take_picture(f"<!doctype html><html>{body}</html>", tmp_path / "x.png", scale=1)
    head = (tmp_path / "x.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) >= (300, 140)


def test_another_ending_is_refused_before_anything_is_done() -> None:
    done = CliRunner().invoke(main, ["preview", "1", "--out", "x.pdf"])
    assert (done.exit_code, "must end in .html or .png" in done.stderr) == (2, True)


SCENES: dict[str, Scene] = {
    f"{module.__name__.rsplit('_', 1)[-1]} {name}": scene
    for module in (test_cards, test_digests, test_help, test_post_lists, test_notices, test_settings)
    for name, scene in module.SCENES.items()
}
WITH_FORMULAS = "cards full"


class _Balance(HTMLParser):
    """Notes the text and every tag that is closed wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(html: str) -> _Balance:
    reader = _Balance()
    reader.feed(html)
    return reader


@pytest.mark.parametrize("form", [Form.RICH, Form.CLASSIC])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCENES)
def test_every_kind_of_message_is_laid_out(name: str, language: str, form: Form) -> None:
    message = SCENES[name](words_for(language))
    shown = _read(bubble(render(message, form)))
    assert (shown.open, shown.wrong) == ([], [])
    for row in message.keyboard:
        for button in row:
            assert button.text in shown.text


def _page(name: str) -> str:
    return page([Shot(name=name, message=SCENES[name](words_for("zh")))], title=name)


def test_a_page_with_formulas_sets_them_by_itself() -> None:
    shown = _page(WITH_FORMULAS)
    assert '<div class="tex" data-display="1">' in shown
    assert "katex.render" in shown
    assert not re.search(r"<(script|link)[^>]* (src|href)=", shown)
    assert not re.search(r"url\((?!data:)", shown)


def test_a_page_without_formulas_carries_no_typesetter() -> None:
    assert "katex" not in _page("help help")


def test_both_forms_stand_side_by_side() -> None:
    shown = _page(WITH_FORMULAS)
    assert shown.index('class="bubble rich"') < shown.index('class="bubble classic"')


@pytest.mark.parametrize(
    ("wanted", "kind", "language", "shown"),
    [
        ("", "settings", "zh", ("推送方式：即时", "免打扰：关")),
        ("", "settings", "en", ("Do not disturb: off",)),
        ("", "digest", "zh", ("旋转矩阵小记", "另一篇", "逐篇看")),
        ("", "list", "zh", ("最近的文章 · 共 4 篇", "旋转矩阵小记")),
        ("低秩近似", "list", "zh", ("低秩近似之路 · 2 篇", "📖 开课")),
        ("", "card", "zh", ("☆ 收藏",)),
    ],
)
async def test_lists_digests_and_settings_are_shown(
    wanted: str, kind: str, language: str, shown: tuple[str, ...], resting_bot: WholeBot
) -> None:
    await resting_bot.knows(
        ROTATION,
        Shown(title="另一篇"),
        Shown(title="低秩近似之路(一):伪逆"),
        Shown(title="低秩近似之路(二):SVD"),
    )
    settings = read_settings(_env_file=None, database_url=resting_bot.url)
    _, page = await preview(settings, wanted, language=language, kind=kind)
    for text in shown:
        assert text in page


async def test_a_list_of_no_series_says_so(resting_bot: WholeBot) -> None:
    with pytest.raises(NoSuchPostError, match="no series or tag"):
        await preview(await _settings(resting_bot), "没有这个", language="zh", kind="list")


def test_every_kind_can_be_asked_for_on_the_command_line() -> None:
    kinds = next(each for each in main.commands["preview"].params if each.name == "kind").type
    assert isinstance(kinds, click.Choice)
    assert tuple(kinds.choices) == KINDS
