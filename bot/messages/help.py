"""Views of /start, /help and /about, and the greeting of a group."""

from dataclasses import dataclass

from bot.callbacks import actions
from bot.messages.commands import COMMANDS, Command, Group, Where
from bot.messages.elements import Row, footer, heading, item, items, label, link, paragraph, press, usual
from bot.messages.i18n import Words
from bot.messages.links import deep_link, group_link, post_url
from bot.messages.notices import notice
from bot.messages.scope_pages import Neighbour, continue_label, inferred_note
from bot.messages.subscriptions import Place, list_button
from bot.render.document import Block, Bold, Button, Code, Item, Message, Paragraph, Text
from bot.text_sanitizer import one_line
from storage.model import Post, Scope, ScopeId


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFacts:
    """Figures of the archive; `everything` is the scope of all posts."""

    posts: int
    newest: Post | None
    everything: ScopeId


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueReading:
    """The next unread episode of a series that the reader has begun."""

    scope: Scope
    next: Neighbour


def start(
    facts: ArchiveFacts,
    words: Words,
    *,
    subscribed: bool = False,
    unread: ContinueReading | None = None,
    bot: str | None = None,
) -> Message:
    """Return the first message in a private chat; `unread` is the next unread episode."""
    text = words.text("（{author}的博客）有新文章，我第一时间推给你。", author=words.author)
    rows: list[Row] = []
    if unread is not None:
        name = label(unread.scope.name, 16)
        go_on = continue_label(unread.next.episode, 1, words)
        rows.append((press(f"{name} · {go_on}", actions.ShowPost(unread.next.post)),))
    first_button = (
        press(words.text("我的订阅"), actions.Subscriptions())
        if subscribed
        else press(words.text("🔔 订阅全部"), actions.Subscribe(facts.everything))
    )
    if facts.newest is None:
        rows.append((first_button,))
    else:
        rows += [
            (first_button, press(words.text("按系列订阅"), actions.SeriesIndex(1, 0))),
            usual(words, actions.Latest(), actions.AskSearch()),
            (press(words.text("读最新一篇"), actions.ShowPost(facts.newest.id)),),
        ]
    if address := group_link(bot):
        rows.append((Button(text=words.text("加到群里"), url=address), *usual(words, actions.HelpPage())))
    return Message(body=(_lead(text, facts, words),), keyboard=tuple(rows))


def _lead(text: str, facts: ArchiveFacts, words: Words) -> Paragraph:
    """Return the linked name of the blog, what follows it, and what is stored."""
    blog = link(words.site.home, words.blog)
    if facts.newest is None:
        return paragraph(blog, text, words.text("还没有收录文章，请过些时候再来。"))
    posts = words.count("{n} 篇旧文随时可查。", facts.posts)
    title = link(post_url(facts.newest, words.site), one_line(facts.newest.title))
    date = words.date_of(facts.newest)
    tail = words.text("》（{date}）", date=date) if date else words.text("》")
    return paragraph(blog, text + posts + words.text("最新：《"), title, tail)


def group_start(
    facts: ArchiveFacts, words: Words, *, manager: bool, place: Place, bot: str | None = None
) -> Message:
    """Return the first message in a group: a manager gets the subscriptions, a member the archive."""
    rows: list[Row] = []
    if manager:
        text = words.text(
            "（{author}的博客）的新文章可以发到这里。你是管理员，可以选要哪些；大家都能查旧文章。",
            author=words.author,
        )
        rows.append((*usual(words, actions.SubscribeMenu()), list_button(place, words)))
    else:
        text = words.text(
            "（{author}的博客）的新文章可以发到这里，要哪些由管理员选；大家都能查旧文章。",
            author=words.author,
        )
    if facts.newest is not None:
        rows.append((press(words.text("读最新一篇"), actions.ShowPost(facts.newest.id)),))
    rows.append(usual(words, actions.Latest(), actions.SeriesIndex()))
    if not manager and (address := deep_link(bot, actions.SeriesIndex())):
        rows.append((Button(text=words.text("私聊订阅"), url=address),))
    return Message(body=(_lead(text, facts, words),), keyboard=tuple(rows))


def group_greeting(words: Words, *, bot: str | None = None) -> Message:
    """Return the line for a group that the bot has been added to."""
    text = words.text(
        "{blog}的新文章可以发到本群。群管理员发 {command} 选要哪些；大家都能查旧文章：/search 词语。",
        blog=words.blog,
        command=f"/subscribe@{bot}" if bot else "/subscribe",
    )
    return notice(text, *usual(words, actions.SubscribeMenu()))


def help_page(
    words: Words,
    *,
    operator: bool = False,
    where: Where = Where.PRIVATE,
) -> Message:
    """Return the commands that can be used in `where`, by group; the operators' own for an operator."""
    usable = [command for command in COMMANDS if (operator if command.admin else where in command.where)]
    body: list[Block] = []
    for group in Group:
        if shown := [command for command in usable if command.group is group]:
            body.append(heading(_heading(group, words), level=4))
            body.append(items(_command(command, words) for command in shown))
    forms = (
        words.text("/subscribe 系列 生成扩散模型漫谈"),
        words.text("/subscribe 屏蔽 标签 GAN"),
        words.text("/settings 免打扰 23:00-7:00"),
    )
    names = {f"/{command.name}" for command in usable}
    if usable_forms := [form for form in forms if form.partition(" ")[0] in names]:
        body.append(paragraph(words.text("例如：") + words.join(usable_forms)))
    plain = words.text("直接发词就是搜索，发文章链接或编号就打开它。") if where is Where.PRIVATE else None
    forgiving = words.text("名称写一部分就行。")
    body.append(paragraph(words.sentences(plain, forgiving, inferred_note(words))))
    row = (press(words.text("设置"), actions.Settings()), press(words.text("关于"), actions.About()))
    return Message(body=tuple(body), keyboard=(row,) if where is Where.PRIVATE else ())


def _heading(group: Group, words: Words) -> str:
    return {
        Group.SUBSCRIBE: words.text("订阅"),
        Group.FIND: words.text("找文章"),
        Group.READ: words.text("阅读"),
        Group.DATA: words.text("数据和帮助"),
        Group.OPERATE: words.text("运维"),
    }[group]


def command_help(command: Command, words: Words) -> Message:
    """Return what one command does, with the forms in which it is typed."""
    usage = Bold((Text(command.usage(words.language)),))
    body: list[Block] = [paragraph(usage, f"  {command.description(words.language)}")]
    if examples := _examples(command.name, words):
        body.append(items(item(Code(form), f"  {text}") for form, text in examples))
    return Message(body=tuple(body), keyboard=(usual(words, actions.HelpPage()),))


def _examples(name: str, words: Words) -> tuple[tuple[str, str], ...]:
    """Return forms of a command that work as they are written, with what each does."""
    named = (f"/{name} {words.text('生成扩散模型漫谈')}", words.text("名称写一部分就行。"))
    forms = {
        "subscribe": (
            ("/subscribe", words.text("选要订阅的")),
            (words.text("/subscribe 全部"), words.text("全部文章")),
            (words.text("/subscribe 系列 生成扩散模型漫谈"), words.text("一个系列")),
            (words.text("/subscribe 标签 优化器"), words.text("一个标签")),
            (words.text("/subscribe 分类 数学研究"), words.text("一个分类")),
            (words.text("/subscribe 关键词 位置编码 外推"), words.text("同时出现这些词的文章")),
            (words.text("/subscribe 屏蔽 标签 GAN"), words.text("永不推送这个标签")),
        ),
        "unsubscribe": (
            ("/unsubscribe", words.text("从现有的订阅里选")),
            (words.text("/unsubscribe 生成扩散模型漫谈"), words.text("退订一个")),
            (words.text("/unsubscribe 屏蔽 标签 GAN"), words.text("取消屏蔽")),
            (words.text("/unsubscribe 全部"), words.text("退订全部文章")),
        ),
        "export": (
            ("/export", words.text("这里记下的数据，JSON")),
            ("/export bib", words.text("收藏的文章，BibTeX；也可以写 md、csv、json")),
            (words.text("/export md 系列 生成扩散模型漫谈"), words.text("一个系列、标签或分类")),
            (words.text("/export csv 位置编码"), words.text("搜到的文章")),
        ),
        "search": (
            (words.text("/search 怎么划分验证集"), words.text("一句话、英文术语、拼音、繁体字都可以")),
            (words.text("/search 最小熵 5"), words.text("系列加编号，那一篇排在最前")),
            (words.text("/search 2023-08 位置编码"), words.text("只看那年或那月的文章")),
            ("/search #GAN -WGAN", words.text("有这个标签，不含那个词")),
            (
                words.text('/search "位置编码" by:readers'),
                words.text("原样出现，按阅读数排列（by:date 按日期）"),
            ),
            ("/search softmax(QK^T)", words.text("公式里的记号，写法不限")),
        ),
        "settings": (
            (words.text("/settings 推送方式 每天"), words.text("每天汇总成一条")),
            (words.text("/settings 推送时间 8:00"), words.text("汇总和课程的时间")),
            (words.text("/settings 推送日 周一"), words.text("每周汇总的日子")),
            (words.text("/settings 免打扰 23:00-7:00"), words.text("这段时间不推送")),
            (words.text("/settings 时区 东京"), words.text("按哪里的时间")),
        ),
        "latest": (("/latest 20", words.text("最近的 20 篇")),),
        "archive": (("/archive 2022", words.text("这一年的文章")),),
        "series": (named,),
        "read": (named,),
        "course": (named,),
    }
    return forms.get(name, ())


def _command(command: Command, words: Words) -> Item:
    arguments = command.typed_arguments(words.language)
    typed = (" ", Code(arguments)) if arguments else ()
    return item(f"/{command.name}", *typed, f"  {command.description(words.language)}")


def about(words: Words, *, version: str) -> Message:
    """Return the source, author and licence of the posts, and what the bot stores."""
    stored = words.text(
        "这里只记你设置过的东西：订阅、收藏、阅读进度和设置。/export 导出全部，/forget 删除全部。"
    )
    body = (
        heading(words.text("关于")),
        paragraph(_source(words), link(words.site.home, words.site.host)),
        paragraph(_terms(words)),
        paragraph(stored),
        footer(f"kexue-bot {version} · MIT"),
    )
    return Message(body=body, keyboard=(usual(words, actions.HelpPage()),))


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
            "文字按 {licence} 许可摘引：标题、数字、一段摘要和链接；全文请到博客读。",
            licence=words.site.licence,
        )
    else:
        terms = words.text("这里只摘引标题、数字、一段摘要和链接；全文请到博客读。")
    return words.sentences(terms, words.text("这不是博客官方的机器人。"))
