"""The shortest things the bot says: what a pressed button answers, what it turns into, notes in a list."""

from bot.messages.words import Words


def subscribed_now(words: Words) -> str:
    return words.say("已订阅")


def unsubscribed_now(words: Words) -> str:
    return words.say("已退订")


def subscribe_button(words: Words) -> str:
    return words.say("🔔 订阅")


def unsubscribe_button(words: Words) -> str:
    return words.say("🔕 退订")


def save_button(words: Words) -> str:
    return words.say("☆ 收藏")


def saved_button(words: Words) -> str:
    return words.say("★ 已收藏")


def read_button(words: Words) -> str:
    return words.say("读过了")


def unread_button(words: Words) -> str:
    return words.say("标为未读")


def cites_it(words: Words) -> str:
    """Beside a post that cites the one in question."""
    return words.say("引用了这篇")


def cited_by_it(words: Words) -> str:
    """Beside a post that the one in question cites."""
    return words.say("这篇引用的")


def open_here(words: Words) -> str:
    """Below a card that was sent into another chat."""
    return words.say("在机器人里打开")


def nothing_inline(words: Words) -> str:
    """Above the empty list of an inline query; leads to all series."""
    return words.say("没有找到，看看所有系列")
