"""Glossary of the messages: the words of each language, and those that they replace."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Term:
    """A thing that messages name."""

    zh: str
    en: str
    zh_never: tuple[str, ...] = ()
    en_never: tuple[str, ...] = ()
    within: tuple[str, ...] = ()  # phrases in which a word of `never` means something different


GLOSSARY: Final = (
    Term("搜索", "search", zh_never=("查找", "检索", "找一篇"), en_never=("look up", "lookup")),
    Term("订阅", "subscribe", zh_never=("关注", "订好"), en_never=("Hear of", "hear of", "follow")),
    Term("屏蔽", "mute", zh_never=("静音", "拉黑", "不要标签"), en_never=("block", "shut out")),
    Term("课程", "course", zh_never=("连载", "从头读"), en_never=("from the start",)),
    Term("快照", "dump", zh_never=("抓取",), en_never=("crawl", "scrape")),
    Term("收藏", "saved posts", zh_never=("书签",), en_never=("bookmark", "Bookmark")),
    Term("阅读进度", "reading progress", zh_never=("读到哪里",)),
    Term("免打扰", "do not disturb", zh_never=("安静时段", "不打扰"), within=("免得打扰",)),
    Term("推送时间", "send at", zh_never=("钟点",)),
    Term("推送方式", "delivery", zh_never=("什么时候发",)),
    Term("提示音", "sound", zh_never=("有声", "无声", "声音")),
    Term("取消", "cancel", zh_never=("算了", "放弃"), en_never=("Leave it", "Never mind")),
    Term("位读者", "readers", zh_never=("人读过", "人次")),
    Term("运维", "operator", zh_never=("机器人管理员",)),
    Term("收录", "in the archive", zh_never=("入库", "存着")),
    Term("关键词", "words", en_never=("keyword",), within=("tag and keyword",)),
    Term("汇总", "digest", zh_never=("合集", "摘报"), en_never=("one message, ", "summary")),
    Term("删除", "erase", zh_never=("清除", "抹掉"), en_never=("wipe", "is no more")),
)
