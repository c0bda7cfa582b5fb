"""Captures of the sample pages by other extractors: `python -m tests.tools.extract_pages`.

Runs in an environment with tests/data/extracts/requirements.txt, and lynx, w3m, pandoc and chromium from the
system; what is not installed is passed over. Writes one text file for each extractor and page.
"""

import html
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "extracts"
_ADDRESS = "https://kexue.fm/archives/21001"
_INNER_TEXT = (
    "<script>var text = document.body.innerText;"
    "document.documentElement.innerHTML = '<body><pre></pre></body>';"
    "document.querySelector('pre').textContent = text;</script></body>"
)

Extractor = Callable[[str], str | None]


def _call(module: str, name: str, *arguments: object, **options: object) -> Extractor:
    def extract(page: str) -> str | None:
        return getattr(import_module(module), name)(page, *arguments, **options)  # type: ignore[no-any-return]

    return extract


def _program(*command: str) -> Extractor:
    def extract(page: str) -> str | None:
        if shutil.which(command[0]) is None:
            raise ImportError(command[0])
        done = subprocess.run(command, input=page.encode(), capture_output=True, timeout=60, check=True)
        return done.stdout.decode("utf-8", "replace")

    return extract


def _lynx_links(page: str) -> str | None:
    """Return the text with numbered links; those within the page name the file that lynx made of it."""
    return re.sub(r"file:///\S*?TMP\.html", "file:///page.html", _program(*_LYNX)(page) or "")


def _readability(page: str) -> str | None:
    return re.sub(r"<[^>]+>", "", import_module("readability").Document(page).summary())


def _soup(page: str, *arguments: str, strip: bool = False) -> str | None:
    text = import_module("bs4").BeautifulSoup(page, "html.parser").get_text(*arguments, strip=strip)
    return str(text)


def _justext(page: str) -> str | None:
    options = {"length_low": 0, "length_high": 0, "max_link_density": 1}
    options |= {"stopwords_low": 0, "stopwords_high": 0}
    paragraphs = import_module("justext").justext(page.encode(), frozenset(), **options)
    return "\n".join(paragraph.text for paragraph in paragraphs)


def _newspaper(page: str) -> str | None:
    article = import_module("newspaper").Article(_ADDRESS, language="zh")
    article.download(input_html=page)
    article.parse()
    return f"{article.title}\n{article.text}"


def _chromium(page: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page.replace("</body>", _INNER_TEXT))
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom")
        shown = _program("chromium", *options, f"file://{file}")("")
    found = re.search(r"<pre>(.*)</pre>", shown or "", re.DOTALL)
    return None if found is None else html.unescape(found[1])


_LYNX = ("lynx", "-dump", "-stdin", "-display_charset=utf-8", "-assume_charset=utf-8")
_W3M = ("w3m", "-dump", "-T", "text/html", "-I", "utf-8", "-O", "utf-8", "-cols", "1000")
_PLAIN_TEXT = ("resiliparse.extract.html2text", "extract_plain_text")
EXTRACTORS: dict[str, Extractor] = {
    "beautifulsoup": lambda page: _soup(page, "\n", strip=True),
    "beautifulsoup_plain": _soup,
    "chromium": _chromium,
    "html2text": _call("html2text", "html2text"),
    "inscriptis": _call("inscriptis", "get_text"),
    "justext": _justext,
    "lynx": _program(*_LYNX, "-nolist", "-width=1000"),
    "lynx_links": _lynx_links,
    "markdownify": _call("markdownify", "markdownify"),
    "newspaper": _newspaper,
    "pandoc": _program("pandoc", "-f", "html", "-t", "plain", "--wrap=none"),
    "pandoc_gfm": _program("pandoc", "-f", "html", "-t", "gfm", "--wrap=none"),
    "readability": _readability,
    "resiliparse": _call(*_PLAIN_TEXT),
    "resiliparse_main": _call(*_PLAIN_TEXT, main_content=True),
    "trafilatura": _call("trafilatura", "extract"),
    "trafilatura_markdown": _call("trafilatura", "extract", output_format="markdown", include_links=False),
    "w3m": _program(*_W3M),
}


def main() -> None:
    """Write the captures of every extractor that is installed."""
    for name, extract in EXTRACTORS.items():
        for page in sorted((FOLDER / "pages").glob("*.html")):
            try:
                text = extract(page.read_text())
            except ImportError as missing:
                sys.stdout.write(f"{name}: {missing}\n")
                break
            if text:
                (FOLDER / name).mkdir(exist_ok=True)
                (FOLDER / name / f"{page.stem}.txt").write_text(text)


if __name__ == "__main__":
    main()
