"""Translation of the English reasons that other layers give: of fetches, dumps and Telegram's refusals.

Reasons are stored and logged in English; a Chinese message translates the known ones and quotes the others.
"""

import re
from functools import cache
from typing import Final

from bot.messages.i18n import Words
from bot.text_sanitizer import one_line

REASONS: Final = {
    "the gate before a first visit, not the page itself ({status})": "得到的是首次访问的验证页（{status}）",
    "it wants a password ({status})": "要求密码（{status}）",
    "it forbids the request ({status})": "拒绝访问（{status}）",
    "it has no such page ({status})": "没有这个页面（{status}）",
    "it says the page is gone for good ({status})": "页面已永久删除（{status}）",
    "it says that we ask too often ({status})": "请求太频繁（{status}）",
    "it is out of order ({status})": "服务器出错（{status}）",
    "an answer of no use ({status})": "响应不可用（{status}）",
    "an empty answer": "响应是空的",
    "half a page: its end is missing": "页面不完整，缺了结尾",
    "no complete answer within {seconds} s": "{seconds} 秒内没有完整的响应",
    "a body of no use: {why}": "响应不可用（{why}）",
    "it cannot be reached ({why})": "连不上（{why}）",
    "robots.txt forbids it to {name} ({rule})": "robots.txt 不允许（{rule}）",
    "robots.txt cannot be had ({status}), so nothing is fetched": "取不到 robots.txt（{status}）",
    "more than {n} redirects": "重定向超过 {n} 次",
    "it redirects to another site ({there})": "重定向到了别的网站（{there}）",
    "it redirects from https to http": "从 https 重定向到了 http",
    "the file is empty: save the capture again": "文件是空的，请重新保存",
    "the file holds only blanks: save the capture again": "文件里只有空白，请重新保存",
    "the file is binary, no text: {advice}": "不是文本文件，请存成文本、HTML 或 feed",
    "the file is too large ({size}; a dump has at most {most} MiB): split it": (
        "文件太大（{size}，最多 {most} MiB），请拆开"
    ),
    "it is too large ({size} MB, at most {most}): {advice}": "文件太大（{size} MB，最多 {most} MB），请拆开",
    "the compressed file is damaged ({why}): compress it again": "压缩文件坏了（{why}），请重新压缩",
    "the zip file is damaged ({why}): pack it again": "zip 文件坏了（{why}），请重新打包",
    "the zip file is encrypted: unpack it and save its files": "zip 文件加了密，请解开再放进来",
    "it is not a regular file: put the capture into the folder": "不是普通文件，请把文件本身放进来",
    "the blog's page for what it does not have (404): check the address": "是博客的 404 页面，请检查地址",
    "the gate page before a first visit, not the page itself: {advice}": (
        "是首次访问的验证页，请带上 cookie 重新取"
    ),
    "a page of the blog in an unknown layout, without a post: {advice}": (
        "不认识这个页面的版式，请检查 SITE_FILE 里的选择器"
    ),
    "half a page of the blog, without a post: {advice}": "页面不完整，请重新保存整页",
    "half a page: {why}; capture the page again, whole": "页面不完整，请重新保存整页",
    "no complete post in the dump ({why}): {advice}": "没有一篇完整的文章，请重新保存整页",
    "no By line and no date badge: {advice}": "没有一篇完整的文章，请重新保存整页",
    "the lines of the page were glued together: {advice}": "各行粘在了一起，请重新提取，保留换行",
    "its titles are in capital letters only, {advice}": "标题全成了大写，请关掉这个选项，或存成 HTML",
    "the markup is not parsed ({language}): {advice}": "不认识这种标记（{language}），请存成文本或 HTML",
    "the JSON has no record with {keys}: {advice}": "JSON 里没有正文，请把页面存到 text 或 html 键里",
    "not a page or feed of the blog: {advice}": "不是这个博客的页面或 feed",
    "not a dump of the blog: {advice}": "不是这个博客的内容，请存整页的 HTML、全文或 feed",
    "bot was blocked by the user": "被对方停用了",
    "bot was kicked{where}": "被移出了",
    "user is deactivated": "对方的账号注销了",
    "chat not found": "找不到会话",
    "not enough rights{what}": "没有发言的权限",
    "TOPIC_CLOSED": "话题关闭了",
    "message thread not found": "话题删除了",
}


def reason_of(reason: str, words: Words) -> str:
    """Return `reason` in the language of `words`, without its full stop."""
    reason = one_line(reason).rstrip("。.").removeprefix("Bad Request: ").removeprefix("Forbidden: ")
    if not words.chinese:
        return reason
    for pattern, chinese in _patterns():
        if (found := pattern.fullmatch(reason)) is not None:
            return words.catalogue.gettext(chinese).format_map(found.groupdict())
    return f"「{reason}」"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return each known reason as a pattern; a place in braces takes any text."""
    return tuple(
        (re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*)", re.escape(english)), re.IGNORECASE), chinese)
        for english, chinese in REASONS.items()
    )
