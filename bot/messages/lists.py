"""Lists of posts: the latest, the saved, those related to a post, those that gained most readers."""

from dataclasses import dataclass

from bot.messages.actions.browsing import Hot, Latest
from bot.messages.actions.posts import Related, Saved, ShowPost
from bot.messages.buttons import Page, press
from bot.messages.characters import one_line
from bot.messages.document import Message, Paragraph, Text
from bot.messages.listing import Line, listing
from bot.messages.words import Words
from storage.model import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    post: Post
    readers: int


def latest(page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """The newest posts."""
    title = words.count("最近的文章 · 共 {n} 篇", page.total)
    return listing(title, page, words, bot, Latest)


def saved(page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """The posts a reader has saved, the last one first."""
    if not page.total:
        return Message(
            body=(Paragraph((Text(words.say("还没有收藏。看文章时点「☆ 收藏」，就会出现在这里。")),)),)
        )
    return listing(words.count("收藏 · {n} 篇", page.total), page, words, bot, Saved)


def related(post: Post, page: Page[Line], words: Words, *, bot: str | None = None) -> Message:
    """What a post cites, what cites it and its neighbours; each line's note says which."""
    title = words.say("与《{title}》相关", title=one_line(post.title))
    back = ((press(words.say("‹ 回到文章"), ShowPost(post.id)),),)
    return listing(title, page, words, bot, lambda number: Related(post.id, number), back)


def hot(days: int, page: Page[Gain], words: Words, *, bot: str | None = None) -> Message:
    """What gained most readers in the `days` before the newest capture."""
    if not page.total:
        said = words.say("还看不出来：要有同一篇文章的两次抓取，才能比较读者的增长。")
        return Message(body=(Paragraph((Text(said),)),))
    lines = tuple(
        Line(
            post=gain.post,
            title=gain.post.title,
            note=f"+{words.number(gain.readers)} → {words.number(gain.post.readers or 0)}",
        )
        for gain in page.items
    )
    shown = Page(items=lines, number=page.number, of=page.of, total=page.total)
    return listing(words.count("近 {n} 天读者增长最多", days), shown, words, bot, Hot)
