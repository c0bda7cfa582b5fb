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
        "search": words.text("搜索"),
        "search_hint": words.text("标题、标签、公式里的词"),
        "nothing_found": words.text("没有找到。换个词试试。"),
        "missing": words.text("未收录"),
        "have": words.text("已收录"),
        "read": words.text("读过了"),
        "save": words.text("收藏"),
        "subscribe": words.text("订阅"),
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
        "copy": words.text("复制"),
        "copied": words.text("已复制"),
        "readers": words.text("阅读"),
        "readers_over_time": words.text("阅读数的变化"),
        "unknown_year": words.text("年份未知"),
        "files": words.text("下载"),
        "feeds": words.text("订阅源"),
        "not_found": words.text("没有这一页"),
        "too_many": words.text("请求太多，请稍等一会儿再试。"),
        "skip": words.text("跳到正文"),
        "in_telegram": words.text("在 Telegram 里打开"),
        "excerpts_only": words.text("这里只有摘要；全文在博客上。"),
        "personal_feed": words.text("我的订阅源"),
    }


def posts_in(words: Words, count: int) -> str:
    """Return the number of posts of a list."""
    return words.count("{n} 篇", count)
