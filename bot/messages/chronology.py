"""The archive by date: the years, the months of a year, the posts of a month. What stands where is given."""

from bot.messages.actions.browsing import Archive
from bot.messages.bars import bar_chart
from bot.messages.buttons import Page, in_rows, press
from bot.messages.document import Heading, Message, Text
from bot.messages.listing import Line, listing
from bot.messages.words import Words


def years(posts: tuple[tuple[int, int], ...], words: Words) -> Message:
    """All years with the number of their posts, newest first: a small chart, and a button for each."""
    head = words.count("归档 · {n} 篇", sum(number for _, number in posts))
    chart = bar_chart([(str(year), number) for year, number in posts], words)
    keys = in_rows((press(str(year), Archive(year)) for year, _ in posts), 6)
    return Message(body=(Heading((Text(head),)), chart), keyboard=keys)


def months(year: int, posts: tuple[tuple[int, int], ...], words: Words) -> Message:
    """The months of a year that have posts, as the years are shown."""
    head = words.count("{year} 年 · {n} 篇", sum(number for _, number in posts), year=str(year))
    chart = bar_chart([(words.month_name(month), number) for month, number in posts], words)
    keys = in_rows((press(words.month_name(month), Archive(year, month)) for month, _ in posts), 4)
    back = (press(words.say("‹ 所有年份"), Archive()),)
    return Message(body=(Heading((Text(head),)), chart), keyboard=(*keys, back))


def posts_of_month(
    year: int, month: int, page: Page[Line], words: Words, *, bot: str | None = None
) -> Message:
    """The posts of one month, oldest first."""
    title = f"{words.month(year, month)} · {words.count('{n} 篇', page.total)}"
    back = ((press(f"‹ {year}", Archive(year)),),)
    return listing(title, page, words, bot, lambda number: Archive(year, month, number), back)
