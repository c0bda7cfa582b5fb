"""Bodies of every shape, with text of every kind, for properties of the renderings."""

from hypothesis import strategies as st

from bot.render.document import (
    Block,
    Body,
    Bold,
    Code,
    DisplayFormula,
    Footer,
    Formula,
    Heading,
    Inline,
    Italic,
    Item,
    Items,
    Link,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from tests.latex.formulas import hard_formulas

_MARKUP = [
    "<b>",
    "</blockquote>",
    "&",
    "&amp;",
    "&#60;",
    "<a href='tg://x'>",
    '"',
    "'",
    "$x$",
    "\\frac{1}{2}",
]
_HIDDEN = ["\u202e", "\u200b", "\x00", "\ud83d", "\u200d", "\u030a", "\u2028", "e\u0301", "\t"]
_WORDS = [
    "😀",
    "👩\u200d🚀",
    "\n",
    "\n\n",
    " ",
    "。",
    "中文",
    "@name",
    "#tag",
    "https://e.org",
    "长" * 300,
    "word " * 60,
]
_NASTY = st.sampled_from([*_MARKUP, *_HIDDEN, *_WORDS])
texts = st.one_of(st.text(max_size=30), st.lists(_NASTY, max_size=8).map("".join))
_sources = st.one_of(st.sampled_from([tex for tex, _, _ in hard_formulas()]), texts)
_urls = st.one_of(st.just("https://kexue.fm/archives/9812"), st.just("tg://user?id=1"), texts)
_leaves = st.one_of(texts.map(Text), texts.map(Code), _sources.map(Formula))


def _wrapped(inner: st.SearchStrategy[Inline]) -> st.SearchStrategy[Inline]:
    children = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(children.map(Bold), children.map(Italic), st.builds(Link, _urls, children))


inlines: st.SearchStrategy[Inline] = st.recursive(_leaves, _wrapped, max_leaves=4)
_children = st.lists(inlines, max_size=4).map(tuple)
_items = st.builds(Item, _children, st.one_of(st.none(), texts, st.integers(0, 99).map(str)))
_flat: st.SearchStrategy[Block] = st.one_of(
    _children.map(Paragraph),
    st.builds(Heading, _children, st.integers(1, 6)),
    st.lists(_items, min_size=1, max_size=3).map(lambda items: Items(tuple(items))),
    _sources.map(DisplayFormula),
    texts.map(Preformatted),
    _children.map(Footer),
)
_quotes: st.SearchStrategy[Block] = st.lists(_flat, max_size=4).map(lambda blocks: Quote(tuple(blocks)))
bodies: st.SearchStrategy[Body] = st.lists(st.one_of(_flat, _quotes), max_size=6).map(tuple)
