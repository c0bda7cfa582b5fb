"""Errors, odd input, small confirmations: what happened and what to do, in one or two lines without codes.

For readers; what operators are told is in operators.py.
"""

from bot.callbacks.actions import Action, AskSearch, Dismiss, Forget, HelpPage, Latest, SeriesIndex
from bot.messages.i18n import Words
from bot.messages.keyboards import label, press
from bot.render.document import Button, Message, Paragraph, Pick, Text

SHOWN_WORDS = 64  # UTF-16 units of what somebody typed that are said back


def notice(said: str, *buttons: Button) -> Message:
    """One sentence, and perhaps a row of buttons."""
    return Message(body=(Paragraph((Text(said),)),), keyboard=(buttons,) if buttons else ())


def only_administrators(words: Words) -> str:
    """For the answer to a button, too (at most 200 characters)."""
    return words.text("只有管理员能改这里的订阅和设置。")


def only_operators(words: Words) -> str:
    return words.text("这是给运维人员的。")


def anonymous_administrator(words: Words) -> Message:
    return notice(words.text("匿名管理员认不出来。请以自己的身份再发一次，或者私聊里设置。"))


def button_too_old(words: Words, instead: Action | None = None) -> Message:
    """A button of an earlier version, or a forged one."""
    if instead is None:
        return notice(
            words.text("这个按钮太旧了。发 /help 看看现在能做什么。"),
            press(words.text("所有命令"), HelpPage()),
        )
    return notice(words.text("这个按钮太旧了，已经换成新的："), press(words.text("打开"), instead))


def button_answer(words: Words) -> str:
    """The short answer to such a button."""
    return words.text("这个按钮太旧了，请重新发命令。")


def post_gone(words: Words) -> Message:
    return notice(words.text("这篇文章找不到了，也许链接抄错了。"), press(words.text("找一篇"), AskSearch()))


def link_unknown(words: Words) -> Message:
    """A deep link that points to nothing."""
    said = words.text("这个链接指向的东西找不到了。可以从这里找起：")
    return notice(said, press(words.text("选系列"), SeriesIndex()), press(words.text("最近文章"), Latest()))


def ask_search(words: Words) -> Message:
    return notice(words.text("要找什么？发几个词来，都出现的文章会列出来。比如：位置编码 外推"))


def too_long(words: Words, most: int) -> Message:
    return notice(words.count("太长了，最多 {n} 个字。", most))


def needs_words(words: Words, example: str) -> Message:
    """A command that wants words and got none."""
    return notice(words.text("后面要写上词语，比如：{example}", example=example))


def not_a_year(words: Words, typed: str, first: int, last: int) -> Message:
    return notice(
        words.text("「{typed}」不是年份。有 {first} 到 {last} 年的文章。", typed=label(typed, SHOWN_WORDS),
                  first=str(first), last=str(last))
    )  # fmt: skip


def not_a_number(words: Words, typed: str, most: int) -> Message:
    said = words.text(
        "「{typed}」不是篇数，写 1 到 {most} 的数。", typed=label(typed, SHOWN_WORDS), most=most
    )
    return notice(said)


def not_a_value(words: Words, typed: str) -> Message:
    """A setting was typed that cannot be so."""
    return notice(words.text("「{typed}」不能用在这里。", typed=label(typed, SHOWN_WORDS)))


def unknown_command(words: Words, typed: str) -> Message:
    said = words.text("不认识 {command}。", command=label(typed, SHOWN_WORDS))
    return notice(said, press(words.text("所有命令"), HelpPage()), press(words.text("找一篇"), AskSearch()))


def unsupported(words: Words) -> Message:
    """A picture, a voice message, a sticker."""
    return notice(words.text("这里只看得懂文字。发几个词就能找文章，发 /help 看命令。"))


def in_private(words: Words, address: str | None) -> Message:
    """A menu that would fill a group: offered as a link to a private chat."""
    said = words.text("在私聊里设置，免得打扰大家。")
    return notice(said, Button(text=words.text("去私聊设置"), url=address)) if address else notice(said)


def only_private(words: Words) -> Message:
    """Somebody's own list, asked for where others look on."""
    return notice(words.text("收藏和进度是各人自己的，请私聊我来看。"))


def archive_empty(words: Words) -> Message:
    return notice(words.text("还没有收录文章，第一份抓取到了就有。"))


def nothing_here(words: Words) -> Message:
    return notice(words.text("这里还没有文章。"))


def too_fast(words: Words) -> str:
    return words.text("慢一点，马上就好。")


def not_for_strangers(words: Words) -> Message:
    """The bot was added where its operators do not want it, and leaves."""
    return notice(words.text("这个机器人只由它的运维人员拉进群，所以我先走了；私聊里随时可以找我。"))


def went_wrong(words: Words) -> Message:
    """Something failed on our side."""
    return notice(words.text("出了点问题，没有完成。已经记下来，请过一会儿再试。"))


def chosen(words: Words) -> str:
    """The short answer to a button that set something."""
    return words.text("好了。")


def saved_answer(words: Words, *, saved: bool) -> str:
    return words.text("收藏了，在 /saved 里。") if saved else words.text("不再收藏。")


def read_answer(words: Words, *, read: bool) -> str:
    return words.text("记下了，进度在 /read 里。") if read else words.text("标为未读了。")


def forget_question(words: Words) -> Message:
    said = words.text("删除这里的全部订阅、收藏、进度和设置？不能恢复。想留一份，先发 /export。")
    return notice(said, press(words.text("全部删除"), Forget(True)), press(words.text("算了"), Dismiss()))


def forgotten(words: Words) -> Message:
    return notice(words.text("都删了，不会再发来什么。想回来，发 /start。"))


def exported(words: Words) -> Message:
    """The caption of the file with somebody's data."""
    return notice(words.text("这是这里记下的关于你的全部。"))


def topic_made(words: Words, name: str) -> Message:
    return notice(words.text("开好了话题「{name}」，以后发到那里。", name=label(name, 128)))


def topic_not_made(words: Words) -> Message:
    return notice(words.text("开不了话题：请给我管理话题的权限，再点一次。"))


def channel_offer(words: Words) -> Message:
    """Before the native chat picker."""
    return notice(
        words.text("选一个你管理的频道或群组，先把我加进去，并允许发消息。"),
        Button(text=words.text("选频道"), pick=Pick.CHANNEL),
        Button(text=words.text("选群组"), pick=Pick.GROUP),
    )


def only_private_picker(words: Words) -> Message:
    """The picker was asked for where Telegram has none."""
    return notice(words.text("频道和群组在私聊里选：私聊我，再发 /channel。"))


def channel_added(words: Words, title: str) -> Message:
    return notice(words.text("「{title}」连上了。现在选它要收到什么。", title=label(title, 128)))


def welcome_back(words: Words, subscriptions: int) -> Message:
    """The bot is let in again."""
    return notice(words.count("又见面了。原来的 {n} 个订阅还在，从现在起继续发。", subscriptions))


def subscribed_now(words: Words) -> str:
    return words.text("已订阅")


def unsubscribed_now(words: Words) -> str:
    return words.text("已退订")


def subscribe_button(words: Words) -> str:
    return words.text("🔔 订阅")


def unsubscribe_button(words: Words) -> str:
    return words.text("🔕 退订")


def save_button(words: Words) -> str:
    return words.text("☆ 收藏")


def saved_button(words: Words) -> str:
    return words.text("★ 已收藏")


def read_button(words: Words) -> str:
    return words.text("读过了")


def unread_button(words: Words) -> str:
    return words.text("标为未读")


def cites_it(words: Words) -> str:
    """Beside a post that cites the one in question."""
    return words.text("引用了这篇")


def cited_by_it(words: Words) -> str:
    """Beside a post that the one in question cites."""
    return words.text("这篇引用的")


def open_here(words: Words) -> str:
    """Below a card that was sent into another chat."""
    return words.text("在机器人里打开")


def nothing_inline(words: Words) -> str:
    """Above the empty list of an inline query; leads to all series."""
    return words.text("没有找到，看看所有系列")
