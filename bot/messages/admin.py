"""Views for operators: status, dumps, alerts with their cause and fix.

They name files and settings exactly and never contain a stack trace or a token.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.callbacks.actions import Broadcast, Discard, Dismiss, Dumps, Release, Retry, Status
from bot.messages.elements import Page, Row, heading, item, items, label, paging, paragraph, press, usual
from bot.messages.i18n import Words
from bot.messages.notices import notice
from bot.messages.reasons import reason_of
from bot.render.document import Block, Button, Code, Items, Message
from bot.text_sanitizer import one_line, redact_url
from storage.model import DumpRecord, Source

NEVER = "—"
SHOWN_NOTES = 5


def _report(words: Words, said: str, *buttons: Button) -> Message:
    """Return one sentence with the button to the state of the bot behind any others."""
    return notice(said, *buttons, *usual(words, Status()))


def failing(words: Words, url: str, reason: str, hours: int) -> Message:
    said = words.count(
        "{url} 已 {n} 小时取不到内容：{reason}。会继续重试，恢复后通知你。",
        hours,
        url=one_line(url),
        reason=reason_of(reason, words),
    )
    return _report(words, said)


def recovered(words: Words, url: str) -> Message:
    return _report(words, words.text("{url} 恢复了。", url=one_line(url)))


def posts_missed(words: Words, url: str, reason: str) -> Message:
    """Notice that more posts appeared than the feed holds, and some could not be fetched."""
    said = words.text(
        "{url} 一次来了许多新文章，更早的几篇没取到：{reason}。请用 kexue-bot backfill 补上。",
        url=one_line(url),
        reason=reason_of(reason, words),
    )
    return _report(words, said)


def sources(words: Words, known: Sequence[Source]) -> Items:
    """Return a line for each source; all times are UTC."""
    lines = (
        item(
            Code(one_line(redact_url(source.url))),
            f"  {_how(words, source)}",
            label="!" if source.error else "·",
        )
        for source in known
    )
    return items(lines)


def _how(words: Words, source: Source) -> str:
    said = words.text(
        "{items} 篇，尝试 {tried}，成功 {succeeded}，有变化 {changed}，下次 {next}",
        items=NEVER if source.items is None else source.items,
        tried=_moment(source.last_try),
        succeeded=_moment(source.last_success),
        changed=_moment(source.last_change),
        next=_moment(source.next_run),
    )
    if source.error is None:
        return said
    why = words.count("连续 {n} 次失败：{reason}", source.failures, reason=reason_of(source.error, words))
    return said + ("；" if words.chinese else "; ") + why


def _moment(at: dt.datetime | None) -> str:
    return NEVER if at is None else f"{at.astimezone(dt.UTC):%m-%d %H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """State of the bot. `oldest_seconds` is the age of the oldest due delivery that is not sent."""

    version: str
    posts: int
    chats: int
    subscriptions: int
    pending: int
    failed: int
    uncertain: int
    held: int
    oldest_seconds: int | None
    last_dump: DumpRecord | None
    suspended: Mapping[str, int] = field(default_factory=dict)  # chats by reason
    sources: tuple[Source, ...] = ()


def dump_unreadable(words: Words, name: str, reason: str) -> Message:
    """Return the alert about a dump that could not be read."""
    said = words.text("快照 {name} 读不了：{reason}。其余的不受影响；改好后放回文件夹，会重新读取。",
                     name=one_line(name), reason=reason_of(reason, words))  # fmt: skip
    return notice(said, *usual(words, Dumps()))


def dumps_unreadable(words: Words, count: int, names: Sequence[str]) -> Message:
    """Return the alert about several dumps of one scan that could not be read; `names` are the first."""
    shown = words.join([one_line(name) for name in names])
    said = words.count(
        "{n} 个快照读不了，例如 {names}。其余的不受影响；改好后放回文件夹，会重新读取。", count, names=shown
    )
    return notice(said, *usual(words, Dumps()))


def dump_notes(words: Words, name: str, notes: Sequence[str], unannounced: int) -> Message:
    """Return the notice on what was left out of a dump, and on its posts that are not announced."""
    body: list[Block] = []
    if unannounced:
        said = words.count(
            "快照 {name} 带来 {n} 篇旧文章，已收录，不推送。", unannounced, name=one_line(name)
        )
        body.append(paragraph(said))
    if notes:
        said = words.count("快照 {name} 有 {n} 处没有读懂或没有收录：", len(notes), name=one_line(name))
        shown = tuple(item(reason_of(note, words)) for note in notes[:SHOWN_NOTES])
        body += [paragraph(said), Items(shown)]
    return Message(body=tuple(body), keyboard=(usual(words, Dumps()),))


def posts_held(words: Words, dump: DumpRecord, posts: int, most: int) -> Message:
    """Return the question about a dump with more new posts than HOLD_ABOVE."""
    said = words.count(
        "快照 {name} 带来 {n} 篇新文章，超过 HOLD_ABOVE={most}，已收录，暂缓推送。",
        posts,
        name=dump.name,
        most=str(most),
    )
    return notice(
        said,
        press(words.text("发送"), Release(dump.id)),
        press(words.text("只收录，不发"), Discard(dump.id)),
    )


def released(words: Words, posts: int) -> Message:
    return _report(words, words.count("已放行 {n} 篇，开始推送。", posts)) if posts else nothing_held(words)


def discarded(words: Words, posts: int) -> Message:
    return _report(words, words.count("{n} 篇只收录，不发。", posts)) if posts else nothing_held(words)


def nothing_held(words: Words) -> Message:
    return _report(words, words.text("没有暂缓的文章。"))


def topic_lost(words: Words, chat: str, topic: int, reason: str) -> Message:
    """Return the alert about a deleted or closed topic, whose subscriptions moved to the chat.

    `chat` ends with the topic's name where it is known; `topic` is its number.
    """
    said = words.text(
        "话题「{chat}」（#{topic}）收不到消息了（{reason}）。那里的订阅没有丢，改发到群里的「综合」；"
        "想换地方，在要用的话题里发 /subscribe。",
        chat=label(chat, 128),
        topic=str(topic),
        reason=reason_of(reason, words),
    )
    return _report(words, said)


def chats_suspended(words: Words, reasons: Mapping[str, int]) -> Message:
    """Return the chats to which deliveries are suspended, by reason."""
    return Message(body=_suspensions(words, reasons), keyboard=(usual(words, Status()),))


def _suspensions(words: Words, reasons: Mapping[str, int]) -> tuple[Block, ...]:
    head = words.count("{n} 个会话停发了，订阅都留着：", sum(reasons.values()))
    lines = tuple(
        item(words.count("{n} 个：{reason}", count, reason=reason_of(reason, words)))
        for reason, count in sorted(reasons.items(), key=lambda each: -each[1])
    )
    return paragraph(head), Items(lines)


def destination_refuses(words: Words, chat: str, reason: str) -> Message:
    """Return the alert about a destination that refused several messages in a row."""
    said = words.text(
        "「{chat}」接连三次拒收：{reason}。会照常再试；一天后还这样，就停发这里，订阅留着。",
        chat=label(chat, 128),
        reason=reason_of(reason, words),
    )
    return _report(words, said)


def fan_out_refused(words: Words, refused: int, total: int, reason: str) -> Message:
    """Return the alert about a fan-out refused by so many chats that the server may be at fault."""
    said = words.count(
        "{total} 个会话里有 {n} 个忽然发不进去（{reason}），像是服务器的错，所以都没有停发，"
        "过一会儿自动重试。请检查 Bot API 服务器。",
        refused,
        total=str(total),
        reason=reason_of(reason, words),
    )
    return _report(words, said)


def fan_out_recovered(words: Words, chats: int) -> Message:
    return _report(words, words.count("{n} 个发不进去的会话又通了，都没有停发。", chats))


def database_silent(words: Words, times: int) -> Message:
    """Return the alert about a database that did not answer in time, sent when it answers again."""
    said = words.count("数据库有 {n} 次没有及时响应，现在好了，一条也没丢。请检查数据库和网络。", times)
    return _report(words, said)


def chats_silent(words: Words, chats: int) -> Message:
    """Return the alert about chats for which the server has not answered for an hour."""
    said = words.count(
        "有 {n} 个会话一小时没有回应，发给那里的消息还在等，会一直重试。请检查 Bot API 服务器。", chats
    )
    return _report(words, said)


def updates_resumed(words: Words) -> Message:
    return _report(words, words.text("又收得到消息了，漏下的正在回答。"))


def updates_blocked(words: Words, *, polled: bool) -> Message:
    """Return the alert about another program that takes this bot's updates."""
    if polled:
        said = words.text(
            "另有程序在用同一个令牌取消息（409），这里答不了人；推送照常。请停掉那一个，或换一个令牌。"
        )
    else:
        said = words.text(
            "有人给机器人设了 webhook（409），这里答不了人；推送照常。会自动撤掉它；再三出现就请换令牌。"
        )
    return _report(words, said)


def no_news(words: Words, days: int) -> Message:
    return _report(words, words.count("已 {n} 天没有新文章。可能博客没更新，也可能快照停了，请检查。", days))


def deliveries_failed(words: Words, failed: int, uncertain: int) -> Message:
    said = _not_arrived(words, failed, uncertain)
    return _report(words, said, *usual(words, Retry()))


def _not_arrived(words: Words, failed: int, uncertain: int) -> str:
    return words.sentences(
        words.count("{n} 条发送失败。", failed) if failed else None,
        words.count("{n} 条不确定是否送达。", uncertain) if uncertain else None,
        words.text("发 /retry 再发一次。"),
    )


def unexpected_errors(words: Words, kind: str, count: int) -> Message:
    """Return the alert about an error that occurred `count` times since the last alert."""
    said = words.count("意外错误 {n} 次：{kind}。机器人照常运行，详情在日志里。", count, kind=one_line(kind))
    return _report(words, said)


def backups_in_future(words: Words, names: Sequence[str]) -> Message:
    """Return the alert about copies of the database that are dated in the future; `names` are the first."""
    said = words.text(
        "有备份的日期在将来，不算在内，也不会删除：{names}。请检查系统时间。", names=words.join(list(names))
    )
    return _report(words, said)


def token_accepted(words: Words, since: str) -> Message:
    """Return the notice that the token works again; `since` is when it was refused, an ISO time in UTC."""
    said = words.text(
        "机器人的令牌曾被 Telegram 拒绝（{since} 起），现在的令牌可用，积压的推送会接着发。",
        since=since.replace("T", " ").replace("+00:00", " UTC"),
    )
    return _report(words, said)


def retried(words: Words, count: int) -> Message:
    said = words.count("{n} 条已重新排队。", count) if count else words.text("没有要重试的投递。")
    return _report(words, said)


def broadcast_question(words: Words, text: str, chats: int, draft: int) -> Message:
    if not chats:
        return _report(words, words.text("还没有会话订阅，没有人可以发。"))
    head = words.count("要发给 {n} 个会话：", chats)
    keys: Row = (press(words.text("发送"), Broadcast(draft)), *usual(words, Dismiss()))
    return Message(body=(paragraph(head), paragraph(text)), keyboard=(keys,))


def broadcast_begun(words: Words, chats: int) -> Message:
    return _report(words, words.count("开始发给 {n} 个会话。", chats))


def status(facts: StatusFacts, words: Words) -> Message:
    """Return the state of the bot in a few lines, problems first."""
    body: list[Block] = [heading(words.text("运行状况"))]
    if facts.failed or facts.uncertain:
        said = _not_arrived(words, facts.failed, facts.uncertain)
        body.append(Items((item(said, label="!"),)))
    if facts.suspended:
        body += _suspensions(words, facts.suspended)
    lines = [
        words.count("{n} 篇文章", facts.posts),
        words.join([words.count("{n} 个会话", facts.chats), words.count("{n} 个订阅", facts.subscriptions)]),
        words.text("待发送 {pending} · 失败 {failed} · 不确定 {uncertain} · 暂缓 {held}",
                  pending=facts.pending, failed=facts.failed, uncertain=facts.uncertain, held=facts.held),
    ]  # fmt: skip
    if facts.oldest_seconds is not None:
        lines.append(_oldest(facts.oldest_seconds, words))
    if (dump := facts.last_dump) is not None:
        at = f"{dump.taken_in_at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
        lines.append(words.text("最近的快照：{name}，{at}", name=one_line(dump.name), at=at))
    lines.append(f"kexue-bot {facts.version}")
    body.append(items(map(item, lines)))
    if facts.sources:
        body.append(sources(words, facts.sources))
    keys: list[Row] = [usual(words, Dumps())]
    if facts.failed or facts.uncertain:
        keys.append(usual(words, Retry()))
    return Message(body=tuple(body), keyboard=tuple(keys))


def _oldest(seconds: int, words: Words) -> str:
    """Return for how long the oldest due delivery has been waiting, in the largest whole unit."""
    if seconds < 120:
        return words.count("最久的一条等了 {n} 秒", seconds)
    if seconds < 7200:
        return words.count("最久的一条等了 {n} 分钟", seconds // 60)
    return words.count("最久的一条等了 {n} 小时", seconds // 3600)


def dumps(page: Page[DumpRecord], words: Words) -> Message:
    """Return the list of dumps, the newest first."""
    if not page.total:
        return _report(words, words.text("还没有收到过快照。把文件放进 DUMP_DIR 指的文件夹。"))
    lines = tuple(
        item(Code(one_line(dump.name)), f"  {_taken(dump, words)}", label=str(index))
        for index, dump in page.numbered()
    )
    body: tuple[Block, ...] = (heading(words.count("{n} 份快照", page.total)), Items(lines))
    held = tuple(
        (press(words.text("推送 {name} 的文章", name=label(dump.name)), Release(dump.id)),)
        for dump in page.items
        if dump.held
    )
    return Message(body=body, keyboard=(*held, *paging(page, Dumps)))


def _taken(dump: DumpRecord, words: Words) -> str:
    if dump.error is not None:
        return words.text("读不了：{reason}", reason=reason_of(dump.error, words))
    if not dump.sightings:
        said = words.text("没有文章")
    else:
        parts = [
            words.text("新增 {n}", n=dump.new) if dump.new else "",
            words.text("修改 {n}", n=dump.edited) if dump.edited else "",
            words.text("未变 {n}", n=dump.unchanged) if dump.unchanged else "",
        ]
        changed = words.join([*filter(None, parts)])
        said = words.count("{n} 条：{changed}", dump.sightings, changed=changed)
    if dump.notes:
        said += words.count(
            "，{n} 处备注：{first}", len(dump.notes), first=reason_of(dump.notes[0].text, words)
        )
    return said + (words.text("，暂缓") if dump.held else "")
