"""Notices to readers: errors, input that is not understood, short confirmations, in one or two lines."""

from bot.callbacks import actions
from bot.messages.elements import label, paragraph, press, usual
from bot.messages.i18n import Words
from bot.render.document import Button, Message, Pick

SHOWN_WORDS = 64  # UTF-16 units of typed text that are quoted
RELATED_NAME = 16  # width of a name in the reason of a related post


def notice(said: str, *buttons: Button) -> Message:
    """Return one sentence, with a row of buttons if there are any."""
    return Message(body=(paragraph(said),), keyboard=(buttons,) if buttons else ())


def only_administrators(words: Words) -> str:
    """Return the refusal, also as a toast (at most 200 characters)."""
    return words.text("只有管理员能改这里的订阅和设置。")


def only_administrators_may(words: Words, command: str, address: str | None) -> Message:
    """Return the refusal of a command to a member of a group, with the way to a private chat."""
    text = words.text("这里只有管理员能用 /{command}。你自己的订阅和设置，私聊我就行。", command=command)
    return notice(text, *((Button(text=words.text("私聊我"), url=address),) if address else ()))


def administrators_unknown(words: Words) -> str:
    """Return the refusal where Telegram did not say who administers the group."""
    return words.text("查不到谁是这里的管理员。请把我设为管理员，或以群的身份匿名发送，再试一次。")


def only_operators(words: Words) -> str:
    """Return the refusal as a toast."""
    return words.text("只有运维人员能用。")


def not_an_operator(words: Words, chat_id: int) -> Message:
    """Return the refusal with the chat's number, which an operator needs for the settings."""
    text = words.text(
        "只有运维人员能用。这个会话的编号是 {chat}；你是运维人员就把它写进 ADMIN_CHAT_IDS。",
        chat=str(chat_id),
    )
    return notice(text)


def button_too_old(words: Words) -> Message:
    """Return the reply to a button of an earlier version or a forged one."""
    text = words.text("这个按钮太旧了。发 /help 看看现在能做什么。")
    return notice(text, *usual(words, actions.HelpPage()))


def button_answer(words: Words) -> str:
    """Return the toast for such a button."""
    return words.text("这个按钮太旧了，请重新发命令。")


def post_gone(words: Words) -> Message:
    return notice(words.text("这篇文章找不到了，也许链接抄错了。"), *usual(words, actions.AskSearch()))


def link_unknown(words: Words) -> Message:
    """Return the reply to a deep link whose target does not exist."""
    said = words.text("这个链接指向的东西找不到了。可以从这里找起：")
    return notice(said, *usual(words, actions.SeriesIndex(), actions.Latest()))


def ask_search(words: Words) -> Message:
    text = words.text("想找什么？直接把词发给我，例如：位置编码 外推")
    return notice(text, *usual(words, actions.Latest(), actions.SeriesIndex()))


def too_long(words: Words, most: int) -> Message:
    return notice(words.count("太长了，最多 {n} 个字。", most))


def too_many_subscriptions(words: Words, most: int) -> Message:
    """Return the refusal of one more subscription or mute."""
    text = words.count("这里已经有 {n} 个订阅和屏蔽，不能再多了。先退掉几个再来。", most)
    return notice(text, *usual(words, actions.Subscriptions()))


def too_many_words(words: Words, most: int) -> Message:
    """Return the refusal of a word subscription with more words than `most`."""
    return notice(words.count("一个订阅最多 {n} 个词，少写几个试试。", most))


def ask_search_here(words: Words) -> Message:
    """Return the answer to a bare /search in a group, where plain words are not read."""
    return notice(words.text("想找什么？把词写在后面，例如：/search 位置编码 外推"))


def ask_keywords(words: Words, *, muted: bool, here: bool) -> Message:
    """Return the question for the keywords of a subscription or mute; in a group (`here`) an example."""
    if here:
        return notice(words.text("把词写在后面，例如：/subscribe 关键词 位置编码 外推"))
    text = (
        words.text("屏蔽出现哪些词的文章？直接把词发给我，例如：GAN")
        if muted
        else words.text("想订阅出现哪些词的文章？直接把词发给我，例如：位置编码 外推")
    )
    return notice(text, *usual(words, actions.Dismiss()))


def nothing_changed(words: Words) -> Message:
    """Return the answer to "cancel" in place of an answer to a question."""
    return notice(words.text("好，什么都没有改。"))


def ask_muted(words: Words) -> Message:
    """Return the answer to a mute that names nothing."""
    return notice(
        words.text("屏蔽什么？例如：/subscribe 屏蔽 标签 GAN"),
        *usual(words, actions.SeriesIndex(), actions.TagIndex()),
    )


def ask_broadcast(words: Words) -> Message:
    """Return the question for the text of a broadcast."""
    text = words.text("要发什么？直接把文字发给我，或者写：/broadcast 今晚 22 点维护十分钟")
    return notice(text, *usual(words, actions.Dismiss()))


def not_stored(words: Words, address: str, number: int) -> Message:
    """Return that the post with this number on the blog is not in the archive."""
    return notice(
        words.text("这篇（/archives/{number}）还没收录。", number=str(number)),
        Button(text=words.text("在博客打开"), url=address),
    )


def not_a_year(words: Words, typed: str, first: int, last: int) -> Message:
    shown = label(typed, SHOWN_WORDS)
    text = words.text(
        "「{typed}」不是年份。有 {first} 到 {last} 年的文章。", typed=shown, first=str(first), last=str(last)
    )
    return notice(text, *usual(words, actions.Archive()))


def year_without_posts(words: Words, year: int, first: int, last: int) -> Message:
    text = words.text(
        "{year} 年没有文章。收录的文章从 {first} 年到 {last} 年。",
        year=str(year),
        first=str(first),
        last=str(last),
    )
    return notice(text, *usual(words, actions.Archive()))


def episode_missing(words: Words, name: str, episode: int, scope: int) -> Message:
    """Return that the archive lacks this episode of a series."""
    text = words.text("「{name}」第 {episode} 篇还没收录。", name=label(name, SHOWN_WORDS), episode=episode)
    return notice(text, press(words.text("看这个系列"), actions.ShowScope(scope)))


def not_among_subscriptions(words: Words, name: str) -> Message:
    """Return that nothing of this name is subscribed or muted."""
    text = words.text("订阅里没有「{name}」。", name=label(name, SHOWN_WORDS))
    return notice(text, *usual(words, actions.Subscriptions()))


def not_a_number(words: Words, typed: str, most: int) -> Message:
    said = words.text(
        "「{typed}」不是篇数，写 1 到 {most} 的数。", typed=label(typed, SHOWN_WORDS), most=most
    )
    return notice(said, *usual(words, actions.Latest()))


def unknown_command(words: Words, command: str, nearest: tuple[str, ...]) -> Message:
    """Return that there is no such command, with the commands that are spelt much like it."""
    text = words.text("不认识 /{command}。", command=label(command, SHOWN_WORDS))
    if nearest:
        names = " ".join(f"/{name}" for name in nearest)
        text = words.sentences(text, words.text("是不是：{names}", names=names))
    return notice(text, *usual(words, actions.HelpPage(), actions.AskSearch()))


def unsupported(words: Words) -> Message:
    """Return the reply to a picture, a voice message or a sticker."""
    return notice(words.text("我只看得懂文字。直接发词就是搜索。"), *usual(words, actions.HelpPage()))


def in_private(words: Words, address: str | None) -> Message:
    """Return the link to a menu in a private chat, sent in place of the menu in a group."""
    said = words.text("设置在私聊里改，免得打扰大家。")
    return notice(said, Button(text=words.text("去私聊设置"), url=address)) if address else notice(said)


def only_private(words: Words) -> Message:
    """Return the reply in a group to a request for a personal list."""
    return notice(words.text("收藏和阅读进度是各人自己的，请私聊我来看。"))


def archive_empty(words: Words) -> Message:
    return notice(words.text("还没有收录文章，请过些时候再来。"))


def nothing_here(words: Words) -> Message:
    return notice(words.text("这里还没有文章。"), *usual(words, actions.Latest()))


def too_fast(words: Words) -> str:
    return words.text("慢一点，马上就好。")


def answer_dropped(words: Words, toast: str | None) -> str:
    """Return the toast of a button whose answer exceeds the group's limit; `toast` is what it did."""
    said = words.text("群里消息太密，这条没发出来，过一分钟再按。")
    return words.sentences(toast, said) if toast else said


def not_for_strangers(words: Words) -> Message:
    """Return the notice before the bot leaves a group that only operators may add it to."""
    return notice(words.text("这个机器人只由它的运维人员拉进群，所以我先走了；私聊里随时可以找我。"))


def went_wrong(words: Words) -> Message:
    """Return the reply after an internal error."""
    return notice(words.text("出了点问题，没有完成。已经记下来，请过一会儿再试。"))


def chosen(words: Words) -> str:
    """Return the toast of a saved setting."""
    return words.text("已保存。")


def saved_name(words: Words) -> str:
    """Return the name of the list of saved posts."""
    return words.text("收藏的文章")


def saved_answer(words: Words, *, saved: bool) -> str:
    return words.text("已收藏，在 /saved 里。") if saved else words.text("已取消收藏。")


def read_answer(words: Words, *, read: bool) -> str:
    return words.text("已标为读过，进度在 /read 里。") if read else words.text("已标为未读。")


def lesson_sent(words: Words, *, marked: bool, last: bool, subscribed: bool) -> str:
    """Return the toast of "next lesson": what was sent, `subscribed` and `marked` as read."""
    return words.sentences(
        words.text("已发送最后一课。") if last else words.text("已发送下一课。"),
        words.text("这个系列已订阅。") if subscribed else None,
        words.text("上一课已标为读过。") if marked else None,
    )


def course_over(words: Words) -> str:
    return words.text("没有下一课了。")


def forget_question(words: Words, *, group: bool = False) -> Message:
    text = (
        words.text("删除本群（含所有话题）的全部订阅、课程和设置？不能恢复。想留一份，先发 /export。")
        if group
        else words.text("删除这里的全部订阅、课程、收藏、阅读进度和设置？不能恢复。想留一份，先发 /export。")
    )
    return notice(text, press(words.text("全部删除"), actions.Forget(True)), *usual(words, actions.Dismiss()))


def forgotten(words: Words) -> Message:
    return notice(words.text("已全部删除，不会再发来什么。"), press(words.text("重新开始"), actions.Start()))


def nothing_stored(words: Words) -> Message:
    """Return that nothing is stored about this chat, so that there is nothing to export or erase."""
    return notice(words.text("这里还什么都没有记下。"), *usual(words, actions.HelpPage()))


def exported(words: Words, *, group: bool = False) -> Message:
    """Return the caption of the exported file."""
    if group:
        return notice(words.text("这是本群记下的全部设置。"))
    return notice(words.text("关于你记下的全部数据都在这里。"))


def topic_made(words: Words, name: str) -> Message:
    return notice(words.text("开好了话题「{name}」，以后发到那里。", name=label(name, 128)))


def topic_not_made(words: Words) -> Message:
    return notice(words.text("开不了话题：请给我管理话题的权限，再点一次。"))


def channel_offer(words: Words) -> Message:
    """Return the message with the buttons of Telegram's chat picker."""
    return notice(
        words.text("选一个你管理的频道或群组，先把我加进去，并允许发消息。"),
        Button(text=words.text("选频道"), pick=Pick.CHANNEL),
        Button(text=words.text("选群组"), pick=Pick.GROUP),
    )


def only_private_picker(words: Words) -> Message:
    """Return the reply to /channel in a group, where Telegram has no picker."""
    return notice(words.text("频道和群组在私聊里选：私聊我，再发 /channel。"))


def channel_added(words: Words, title: str) -> Message:
    return notice(words.text("「{title}」已连上。现在选它要订阅什么。", title=label(title, 128)))


def welcome_back(words: Words, subscriptions: int) -> Message:
    """Return the greeting of a chat that had subscriptions before."""
    text = words.count("又见面了。原来的 {n} 个订阅还在，从现在起继续发。", subscriptions)
    return notice(text, *usual(words, actions.Subscriptions()))


def subscription_answer(words: Words, *, subscribed: bool) -> str:
    return words.text("已订阅") if subscribed else words.text("已退订")


def cites_it(words: Words) -> str:
    """Return the note of a post that cites the current one."""
    return words.text("引用了这篇")


def related_by(words: Words, reason: str, name: str) -> str:
    """Return why a post is related: the same series, or the shared `name` of a tag, term or cited title."""
    name = label(name, RELATED_NAME)
    reasons = {
        "series": words.text("同一系列"),
        "mention": words.text("都引用《{name}》", name=name),
        "tag": words.text("同标签 {name}", name=name),
    }
    return reasons.get(reason) or words.text("都谈 {name}", name=name)


def cited_by_it(words: Words) -> str:
    """Return the note of a post that the current one cites."""
    return words.text("这篇引用的")


def open_here(words: Words) -> str:
    """Return the label of the button below a card that was sent into another chat."""
    return words.text("在机器人里打开")


def nothing_inline(words: Words) -> str:
    """Return the label above an empty list of inline results; it links to all series."""
    return words.text("没有找到，看看所有系列")
