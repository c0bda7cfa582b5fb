"""First contact and orientation: /start, /help, /about, the greeting in a group.

Two taps lead from /start to a useful subscription.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.callbacks.actions import (
    About,
    AskSearch,
    HelpPage,
    Latest,
    SeriesIndex,
    Settings,
    Subscribe,
    Subscriptions,
)
from bot.messages.commands import COMMANDS, Command, Where
from bot.messages.i18n import Words
from bot.messages.keyboards import Row, press
from bot.messages.links import group_link, post_url
from bot.render.document import (
    Block,
    Bold,
    Button,
    Code,
    Footer,
    Heading,
    Inline,
    Item,
    Items,
    Link,
    Message,
    Paragraph,
    Text,
)
from bot.text_sanitizer import one_line
from storage.model import Post, ScopeId


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFacts:
    """How much is stored; `everything` is the scope of all posts."""

    posts: int
    series: int
    newest: Post | None
    everything: ScopeId


def start(facts: ArchiveFacts, words: Words, *, subscribed: bool = False, bot: str | None = None) -> Message:
    """The first message in a private chat."""
    blog: Inline = Link(words.site.home, (Text(words.blog),))
    first = (
        Text(words.text("这里跟着")),
        blog,
        Text(words.text("（{author}）走：新文章一到就告诉你，旧文章随时查。", author=words.author)),
    )
    first_button = (
        press(words.text("我的订阅"), Subscriptions())
        if subscribed
        else press(words.text("🔔 订阅全部"), Subscribe(facts.everything))
    )
    rows: list[Row] = [
        (first_button, press(words.text("选系列"), SeriesIndex())),
        (press(words.text("最近文章"), Latest()), press(words.text("找一篇"), AskSearch())),
    ]
    if address := group_link(bot):
        rows.append(
            (Button(text=words.text("加到群里"), url=address), press(words.text("所有命令"), HelpPage()))
        )
    return Message(body=(Paragraph(first), Paragraph(_stored(facts, words))), keyboard=tuple(rows))


def _stored(facts: ArchiveFacts, words: Words) -> tuple[Inline, ...]:
    if facts.newest is None:
        return (Text(words.text("还没有收录文章，第一份抓取到了就有。")),)
    posts = words.count("已收录 {n} 篇文章", facts.posts)
    series = words.count("、{n} 个系列", facts.series)
    title = Link(post_url(facts.newest, words.site), (Text(one_line(facts.newest.title)),))
    return (Text(posts + series + words.text("，最近一篇：《")), title, Text(words.text("》。")))


def group_greeting(words: Words, *, bot: str | None = None) -> Message:
    """One line for a group the bot has been added to."""
    command = f"/subscribe@{bot}" if bot else "/subscribe"
    said = words.text(
        "{blog}的新文章可以发到这里。管理员发 {command} 选要什么，谁都可以查旧文章。",
        blog=words.blog,
        command=command,
    )
    return Message(body=(Paragraph((Text(said),)),))


def help_page(
    words: Words,
    *,
    operator: bool = False,
    where: Where = Where.PRIVATE,
    commands: Iterable[Command] = COMMANDS,
) -> Message:
    """All commands that can be used in `where`; the operators' own only for an operator."""
    every = tuple(commands)
    shown = [command for command in every if where in command.where and not command.admin]
    body: list[Block] = [
        Heading((Text(words.text("可以这样用")),)),
        Items(tuple(_command(command, words) for command in shown)),
    ]
    own = [command for command in every if command.admin] if operator else []
    if own:
        body.append(Paragraph((Bold((Text(words.text("运维")),)),)))
        body.append(Items(tuple(_command(command, words) for command in own)))
    forgiving = words.text("名称不必写全，大小写和全角半角都一样。")
    bare = words.text("直接发几个词，就是查找。") if where is Where.PRIVATE else None
    body.append(Paragraph((Text(words.sentences(forgiving, bare)),)))
    row = (press(words.text("设置"), Settings()), press(words.text("关于"), About()))
    return Message(body=tuple(body), keyboard=(row,) if where is Where.PRIVATE else ())


def _command(command: Command, words: Words) -> Item:
    arguments = command.arguments[0 if words.language == "zh" else 1]
    children: list[Inline] = [Text(f"/{command.name}")]
    if arguments:
        children += [Text(" "), Code(arguments)]
    children.append(Text(f"  {command.description(words.language)}"))
    return Item(tuple(children), label="·")


def about(words: Words, *, version: str, source: str | None = None) -> Message:
    """Where the posts come from, whose they are, and what the bot does with what it is told."""
    blog = Link(words.site.home, (Text(words.site.host),))
    body: list[Block] = [
        Heading((Text(words.text("关于")),)),
        Paragraph((Text(_source(words)), blog)),
        Paragraph((Text(_terms(words)),)),
        Paragraph((Text(words.text(
            "这里只记你设置过的东西：订阅、收藏、进度和偏好。/export 可以全部取走，/forget 可以全部删掉。"
        )),)),
    ]  # fmt: skip
    credit: list[Inline] = [Text(f"kexue-bot {version} · MIT")]
    if source is not None:
        credit += [Text(" · "), Link(source, (Text(words.text("源代码")),))]
    body.append(Footer(tuple(credit)))
    return Message(body=tuple(body))


def _source(words: Words) -> str:
    """Return blog and author; in English with both spellings of the author's name."""
    author = words.site.author
    if words.author != author:
        author = f"{author} ({words.author})"
    return words.text("文章出自{blog}，作者{author}：", blog=words.blog, author=author)


def _terms(words: Words) -> str:
    """Return what of the posts is quoted, under the blog's licence where the profile has one."""
    if words.site.licence:
        terms = words.text(
            "文字按 {licence} 许可摘引：标题、数字、一段摘要和链接；全文请到原处读。",
            licence=words.site.licence,
        )
    else:
        terms = words.text("这里只摘引标题、数字、一段摘要和链接；全文请到原处读。")
    return words.sentences(terms, words.text("这不是博客官方的机器人。"))
