"""Feeds as servers send them: broken items, hostile declarations, full text, feeds of other things."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.intake.formats import UnreadableDumpError
from bot.intake.formats.detect import read_dump
from bot.site_profile import KEXUE
from storage.model import Dump, Layout
from tests.intake.formats.samples import FOLDER, read, texts

RSS2 = (FOLDER / "feed_rss2.xml").read_text()
ATOM = (FOLDER / "feed_atom.xml").read_text()
RSS1 = (FOLDER / "feed_rss1.xml").read_text()
IDS = [11833, 11777, 11307]


def _ids(feed: str) -> list[int | None]:
    return [sighting.archive_id for sighting in read(feed).sightings]


@pytest.mark.parametrize("feed", [RSS2, ATOM, RSS1], ids=["RSS 2.0", "Atom", "RSS 1.0"])
def test_a_broken_item_loses_only_itself(feed: str) -> None:
    second = feed.rindex("<title", 0, feed.index("流形上"))
    reading = read(feed[:second] + "<b></i>" + feed[second:])
    assert [sighting.archive_id for sighting in reading.sightings] == [11833, 11307]
    assert texts(reading) == ["item 2: not well-formed, skipped"]


@pytest.mark.parametrize("feed", [RSS2, ATOM], ids=["RSS 2.0", "Atom"])
@pytest.mark.parametrize("oddity", ["a]]>b", "数组x[y[0]]>1", "\x0b\x01", "\ufffe", "]]"])
def test_an_unescaped_oddity_in_a_body_loses_nothing(feed: str, oddity: str) -> None:
    odd = feed.replace("第三篇的", f"第三篇{oddity}的")
    assert _ids(odd) in (IDS, IDS[:2])
    assert _ids(odd) == IDS or "\ufffe" in oddity
    assert (read(odd).sightings[0].excerpt or "").startswith("第一段示例。")


def test_a_bare_ampersand_in_a_title_is_mended() -> None:
    assert (
        read(RSS2.replace("Muon + 双旋转<", "Muon & 双旋转<")).sightings[1].title
        == "流形上的最速下降：6. Muon & 双旋转"
    )


@pytest.mark.parametrize(
    ("feed", "written", "title"),
    [
        (RSS2, "&amp;lt;b&amp;gt;&amp;amp; 双旋转", "<b>& 双旋转"),
        (RSS2, "&amp;amp;amp; 双旋转", "&amp; 双旋转"),
        (RSS2, "A &amp; B", "A & B"),
        (RSS1, "Earth Mover&amp;#039;s x&amp;lt;y", "Earth Mover's x<y"),
    ],
)
def test_a_title_is_unescaped_as_often_as_typecho_escapes_it(feed: str, written: str, title: str) -> None:
    found = re.sub(r"(：6\. ).*?(?=</title>|\]\]>)", lambda match: match[1] + written, feed, count=1)
    assert read(found).sightings[1].title == f"流形上的最速下降：6. {title}"


@pytest.mark.parametrize(
    ("kind", "written", "title"),
    [
        ('type="html"', "A &amp;amp; B", "A & B"),
        ('type="text"', "A &amp;amp; B", "A &amp; B"),
        ("", "A &amp;amp; B", "A &amp; B"),
    ],
)
def test_an_atom_title_is_unescaped_by_its_type(kind: str, written: str, title: str) -> None:
    found = re.sub(
        r"<title[^>]*>(?:<!\[CDATA\[)?流形上.*?</title>", f"<title {kind}>{written}</title>", ATOM, count=1
    )
    assert read(found).sightings[1].title == title


def test_a_broken_head_does_not_matter() -> None:
    assert _ids(RSS2.replace("<language>", "<language").replace("xmlns:slash", "xmlns:xslash")) == IDS


def test_an_item_without_its_end_is_skipped() -> None:
    reading = read(RSS2[: RSS2.rindex("</item>")])
    assert [sighting.archive_id for sighting in reading.sightings] == IDS[:2]
    assert texts(reading) == ["item 3: not well-formed, skipped"]


BOMB = '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<rss'


@pytest.mark.parametrize(
    "declaration",
    [
        BOMB,
        '<!DOCTYPE rss SYSTEM "file:///etc/passwd">\n<rss',
        '<!doctype rss [<!ENTITY x SYSTEM "http://localhost/">]>\n<rss',
        '<!-- <rdf --><!DOCTYPE rss PUBLIC "x" "y"><rss',
    ],
)
def test_entities_and_document_types_are_refused(declaration: str) -> None:
    with pytest.raises(UnreadableDumpError, match="entities: refused"):
        read(RSS2.replace("<rss", declaration, 1))


def test_a_document_type_hidden_behind_a_false_root_is_refused() -> None:
    with pytest.raises(UnreadableDumpError, match="entities: refused"):
        read(RSS2.replace("<rss", "<!-- <rss -->" + BOMB, 1))


def test_a_page_in_the_xml_form_of_html_is_a_page() -> None:
    page = (FOLDER / "list_page.html").read_text()
    prolog = '<?xml version="1.0"?>\n<!-- saved -->\n'
    assert read(prolog + page).sightings == read(page).sightings


def test_a_full_text_feed_gives_a_bounded_beginning_of_its_content() -> None:
    feed = RSS2.replace('<p class="more">', "<p>").replace("[...]", "正文" * 500)
    for sighting in read(feed).sightings:
        assert sighting.excerpt_partial
        assert len(sighting.excerpt or "") <= 1000
        assert "示例描述" not in (sighting.excerpt or "")


def test_content_without_a_fold_comes_before_a_description_that_is_cut() -> None:
    feed = RSS2.replace('<p class="more">', "<p>").replace("[...]", "其余$x_0<y$。")
    assert (read(feed).sightings[2].excerpt or "").endswith("其余$x_0<y$。")


def test_a_fold_inside_a_full_text_feed_is_where_the_excerpt_ends() -> None:
    feed = RSS2.replace('<p class="more">', "<!--more--><p>").replace("[...]", "正文" * 500)
    assert read(feed).sightings == read(RSS2).sightings


def test_a_full_text_rss_1_item_is_cut_as_typecho_cuts_descriptions() -> None:
    feed = RSS1.replace("[...]", "正文" * 500)
    assert [len(sighting.excerpt or "") for sighting in read(feed).sightings] == [100, 100, 100]


def test_a_description_that_repeats_the_title_is_no_excerpt() -> None:
    feed = re.sub(r"<content:encoded.*?</content:encoded>", "", RSS2, flags=re.DOTALL)
    feed = feed.replace("示例描述。", "AdamW的Weight RMS的渐近估计（上）")
    assert read(feed).sightings[2].excerpt is None


@pytest.mark.parametrize("moment", ["Thu, 99 Foo 2026 99:99:99 +0000", "", "Mon, 01 Jan 0000 00:00:00 +0000"])
def test_an_item_with_a_bad_date_keeps_its_number(moment: str) -> None:
    third = read(RSS2.replace("Wed, 01 Oct 2025 10:30:00 +0800", moment)).sightings[2]
    assert (third.archive_id, third.date) == (11307, None)


@pytest.mark.parametrize(
    "link",
    [
        "https://example.org/archives/11833",
        "https://kexue.fm.example.org/archives/11833",
        "https://kexue.fm/archives/11833#comment-12",
        "https://kexue.fm/tag/11833",
        "https://kexue.fm/archives/99999999999",
    ],
)
def test_what_is_no_post_of_the_blog_is_skipped(link: str) -> None:
    reading = read(RSS2.replace("https://spaces.ac.cn/archives/11833<", f"{link}<"))
    assert [sighting.archive_id for sighting in reading.sightings] == IDS[1:]
    assert "not a post of the blog" in texts(reading)[0]


def test_both_hosts_are_one_blog() -> None:
    assert _ids(RSS2.replace("https://spaces.ac.cn", "http://www.kexue.fm")) == IDS


def test_the_feed_of_comments_is_refused() -> None:
    feed = RSS2
    for archive_id in IDS:
        feed = feed.replace(f"archives/{archive_id}<", f"archives/{archive_id}#comment-1<")
    with pytest.raises(UnreadableDumpError, match="not a post of the blog"):
        read(feed)


def test_a_feed_without_items_is_refused() -> None:
    with pytest.raises(UnreadableDumpError, match="no complete post"):
        read(RSS2[: RSS2.index("<item>")] + "</channel></rss>")


def test_a_feed_is_known_by_its_root_and_not_by_its_prolog() -> None:
    assert read(RSS2[RSS2.index("<rss") :]).format is Layout.FEED
    assert _ids("\n\n" + RSS2.replace('encoding="UTF-8"', 'encoding="GB2312"')) == IDS


def test_a_feed_s_day_is_one_of_the_blog_s_time_zone() -> None:
    days = {
        (zone, written): read_dump(
            Dump(
                name="a feed",
                content=RSS2.replace("10:30:00 +0800", f"23:30:00 {written}").encode(),
                captured_at=datetime(2026, 9, 1, tzinfo=UTC),
            ),
            replace(KEXUE, time_zone=zone),
        )
        .sightings[2]
        .date
        for zone in ("Asia/Shanghai", "Europe/Berlin", "America/Chicago")
        for written in ("+0800", "+0000", "CST", "")
    }
    first, second = date(2025, 10, 1), date(2025, 10, 2)
    assert days == {
        ("Asia/Shanghai", "+0800"): first,
        ("Asia/Shanghai", "+0000"): second,
        ("Asia/Shanghai", "CST"): first,
        ("Asia/Shanghai", ""): first,
        ("Europe/Berlin", "+0800"): first,
        ("Europe/Berlin", "+0000"): second,
        ("Europe/Berlin", "CST"): first,
        ("Europe/Berlin", ""): first,
        ("America/Chicago", "+0800"): first,
        ("America/Chicago", "+0000"): first,
        ("America/Chicago", "CST"): first,
        ("America/Chicago", ""): first,
    }
