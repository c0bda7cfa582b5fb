"""Texts of the web pages."""

from bot.messages.i18n import Words


def web_texts(words: Words) -> dict[str, str]:
    """Return the texts of the templates by the name under which they use them."""
    return {
        "latest": words.text("最近文章"),
        "all_series": words.text("全部系列"),
        "all_tags": words.text("全部标签"),
        "all_categories": words.text("全部分类"),
        "archive": words.text("按年份"),
        "map": words.text("系列地图"),
        "map_legend": words.text("每个圈是一个系列，圈上的点是它的文章，线是文章之间的提及。"),
        "category": words.text("分类"),
        "map_short": words.text("地图"),
        "closest": words.text("没有全部匹配的文章，最接近的是："),
        "menu": words.text("菜单"),
        "search": words.text("搜索"),
        "search_hint": words.text("标题、标签、公式里的词"),
        "nothing_found": words.text("没有找到。换个词试试。"),
        "nothing_here": words.text("这里还没有文章。"),
        "missing": words.text("未收录"),
        "read": words.text("读过了"),
        "save": words.text("☆ 收藏"),
        "subscribe": words.text("🔔 订阅"),
        "continue": words.text("接着读"),
        "previous": words.text("上一篇"),
        "next": words.text("下一篇"),
        "newer": words.text("较新的"),
        "older": words.text("较旧的"),
        "on_the_blog": words.text("在博客上读全文"),
        "series": words.text("系列"),
        "tags": words.text("标签"),
        "inferred": words.text("推测的标签"),
        "related": words.text("相关文章"),
        "papers": words.text("提到的论文"),
        "cite": words.text("引用"),
        "copy_it": words.text("复制"),
        "copied": words.text("已复制"),
        "readers_over_time": words.text("阅读数的变化"),
        "unknown_year": words.text("年份未知"),
        "files": words.text("下载"),
        "feeds": words.text("订阅源"),
        "not_found": words.text("没有这一页"),
        "too_many": words.text("请求太多，请稍等一会儿再试。"),
        "skip": words.text("跳到正文"),
        "in_telegram": words.text("在 Telegram 里打开"),
        "excerpts_only": words.text("这里只有摘要；全文在博客上。"),
        "mine": words.text("我的"),
        "only_in_telegram": words.text("从 Telegram 里机器人的菜单打开，这里就是你的设置、订阅和收藏。"),
        "refused_401": words.text("Telegram 的签名不对，或者过了一天。关掉这一页，从机器人那里再打开。"),
        "refused_403": words.text("只有管理员能改这里的订阅和设置。"),
        "refused_400": words.text("没看懂这个值，什么也没改。"),
        "refused_429": words.text("请求太多，请稍等一会儿再试。"),
    }


def mine_texts(words: Words) -> dict[str, str]:
    """Return the texts of the personal page."""
    return {
        "settings": words.text("设置"),
        "change": words.text("保存"),
        "changed": words.text("已保存。"),
        "subscriptions": words.text("我的订阅"),
        "no_subscriptions": words.text("还没有订阅，所以什么都不会发来。"),
        "everything": words.text("🔔 订阅全部"),
        "unsubscribe": words.text("退订"),
        "mute": words.text("屏蔽"),
        "unmute": words.text("取消屏蔽"),
        "muted": words.text("已屏蔽"),
        "progress": words.text("阅读进度"),
        "saved": words.text("收藏"),
        "none_saved": words.text("还没有收藏。看文章时点「☆ 收藏」，就会出现在这里。"),
        "unsave": words.text("取消收藏"),
        "feed": words.text("我的订阅源"),
        "feed_explained": words.text("阅读器订阅这个地址，就能收到你订阅的文章。有这个地址的人也看得到。"),
        "feed_once": words.text("地址只显示这一次，请现在复制。"),
        "renew_feed": words.text("生成新地址，旧的不再有效"),
    }


def posts_in(words: Words, count: int) -> str:
    """Return the number of posts of a list."""
    return words.count("{n} 篇", count)
