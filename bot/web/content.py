"""Renderer from the document model of an excerpt to HTML of a web page and of a feed."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import assert_never
from xml.etree import ElementTree as ET

from latex2mathml.converter import convert
from markupsafe import Markup, escape

from bot.latex.unicode import unicode_tex
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
    Items,
    Link,
    Paragraph,
    Preformatted,
    Quote,
    Text,
)
from bot.render.excerpt import excerpt_body, shorten

EXCERPT_UNITS = 1600  # UTF-16 units, the bound of a card: an excerpt, not the article
MATHML = "http://www.w3.org/1998/Math/MathML"

# latex2mathml 3.81 has no inner alignments: it writes their `&` as text, which is not well-formed.
INNER_ALIGNMENT = re.compile(r"\\(begin|end)\{(?:aligned|gathered)\}")

FormulaWriter = Callable[[str, bool], Markup]


def excerpt_html(excerpt: str, formula: FormulaWriter) -> Markup:
    """Return the excerpt within the bound of a card as HTML; `formula(tex, display)` writes its formulas."""
    body: Body = shorten(excerpt_body(excerpt), EXCERPT_UNITS) if excerpt else ()
    return Markup("").join(_block(block, formula) for block in body)


def page_formula(tex: str, display: bool) -> Markup:
    """Return a formula for a page: Unicode text that the page's script replaces by typeset TeX."""
    shown = unicode_tex(tex) or tex
    template = (
        '<div class="tex" data-tex="{}" data-display>{}</div>'
        if display
        else '<span class="tex" data-tex="{}">{}</span>'
    )
    return Markup(template).format(tex, shown)  # noqa: S704 - one of two constants


@lru_cache(maxsize=4096)
def feed_formula(tex: str, display: bool) -> Markup:
    """Return a formula as MathML with its TeX as annotation; as code where it cannot be converted."""
    try:
        supported = INNER_ALIGNMENT.sub(r"\\\1{align*}", tex)
        converted = ET.fromstring(convert(supported, display="block" if display else "inline"))  # noqa: S314 - made here
    except Exception:  # the converter raises errors of many kinds for TeX that it does not support
        return (Markup("<pre>{}</pre>") if display else Markup("<code>{}</code>")).format(tex)
    math = ET.Element("math", xmlns=MATHML, display="block" if display else "inline")
    semantics = ET.SubElement(math, "semantics")
    presentation = ET.SubElement(semantics, "mrow")
    presentation.extend(converted)
    for element in presentation.iter():
        element.tag = element.tag.rpartition("}")[2]
    ET.SubElement(semantics, "annotation", encoding="application/x-tex").text = tex
    return Markup(ET.tostring(math, encoding="unicode"))  # noqa: S704 - made of elements


def _block(block: Block, formula: FormulaWriter) -> Markup:
    match block:
        case Paragraph():
            return Markup("<p>{}</p>").format(_inlines(block.children, formula))
        case Heading():
            return Markup("<p><strong>{}</strong></p>").format(_inlines(block.children, formula))
        case Items():
            items = (
                Markup("<li>{}{}</li>").format(
                    "" if item.label is None else f"{item.label} ", _inlines(item.children, formula)
                )
                for item in block.items
            )
            labelled = any(item.label is not None for item in block.items)
            template = Markup('<ul class="labelled">{}</ul>') if labelled else Markup("<ul>{}</ul>")
            return template.format(Markup("").join(items))
        case DisplayFormula():
            return formula(block.tex, True)
        case Preformatted():
            return Markup("<pre>{}</pre>").format(block.text)
        case Quote():
            inner = Markup("").join(_block(each, formula) for each in block.blocks)
            return Markup("<blockquote>{}</blockquote>").format(inner)
        case Footer():
            return Markup("<p><small>{}</small></p>").format(_inlines(block.children, formula))
        case _:
            assert_never(block)


def _inlines(children: tuple[Inline, ...], formula: FormulaWriter) -> Markup:
    return Markup("").join(_inline(child, formula) for child in children)


def _inline(inline: Inline, formula: FormulaWriter) -> Markup:
    match inline:
        case Text():
            return escape(inline.text)
        case Bold():
            return Markup("<strong>{}</strong>").format(_inlines(inline.children, formula))
        case Italic():
            return Markup("<em>{}</em>").format(_inlines(inline.children, formula))
        case Code():
            return Markup("<code>{}</code>").format(inline.text)
        case Link():
            if not inline.url.startswith(("http://", "https://")):
                return _inlines(inline.children, formula)
            return Markup('<a href="{}" rel="noopener">{}</a>').format(
                inline.url, _inlines(inline.children, formula)
            )
        case Formula():
            return formula(inline.tex, False)
        case _:
            assert_never(inline)
