"""What the targets of fuzzing begin with: whole inputs, and the signs that mean something in them."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

from tests.latex.formulas import hard_formulas

SAMPLES = sorted((Path(__file__).parents[1] / "data" / "dumps").glob("*.*"))
_TEX = tuple(tex.encode("utf-8", "surrogatepass") for tex, _, _ in hard_formulas())
_TEX_SIGNS = tuple(
    rb"\frac \sqrt \left( \right) \begin{aligned} \end{aligned} \begin{cases} \text{ \boldsymbol \over \tag{"
    rb" \hat \not \substack{ \operatorname* \middle| \\ { } ^ _ & $ $$ # % ~ ' [ ] \[ \] \( \)".split()
)
_MARKS = (
    b"<b>", b"</b>", b"&amp;", b"&#60;", b"<a href='x'>", b"@name", b"#tag", b"https://e.org", b"\n", b" ",
    b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\x00", b"\xed\xa0\x80", "👩‍🚀".encode(), "长".encode(), b"\xcc\x81",
)  # fmt: skip
_TITLES = (
    "Transformer升级之路：10、RoPE是一种β进制编码", "生成扩散模型漫谈（二十）：从ReFlow到WGAN-GP",
    "【翻译】《费曼物理学讲义》(第三部分) 2.5 之一", "让炼丹更科学一些（四）：新恒等式，新学习率",
    "GPLinker：基于GlobalPointer的实体关系联合抽取 - Part II", "从零开始 第１２３话 #4 Lesson IX",
)  # fmt: skip
_NUMBERS = (*"09９²一十百〇两（）()：:、-—第篇之【】《》①", "III", "IX", "Part", "No.")
_RECORD = {
    "version": 1, "record": "chat", "chat_id": 5, "thread_id": None, "kind": "private", "title": "x",
    "standing": "active", "reason": None,
    "preferences": {
        "language": "zh", "format": "auto", "when": "instant", "hour": 20, "weekday": 6, "quiet_from": None,
        "quiet_to": "07:00:00", "time_zone": "Asia/Shanghai", "silent": False, "excerpt": "full",
        "pictures": True,
    },
    "subscriptions": [{"kind": "tag", "key": "gan", "name": "GAN", "muted": False}],
    "courses": [
        {"series": "s", "name": "S", "stage": "running", "when": "daily",
         "since": "2026-01-01T00:00:00+00:00", "last": None}
    ],
}  # fmt: skip
_PERSON = {
    "version": 1, "record": "person", "user_id": 7,
    "bookmarks": [{"title": "x", "title_key": "x", "archive_id": 1, "saved_at": None, "read_at": None}],
}  # fmt: skip
_UPDATE = {
    "update_id": 7,
    "message": {
        "message_id": 1, "date": 1, "chat": {"id": 5, "type": "private", "first_name": "A"},
        "from": {"id": 5, "is_bot": False, "first_name": "A"}, "text": "/latest",
        "entities": [{"type": "bot_command", "offset": 0, "length": 7}],
    },
}  # fmt: skip
_CALL = {
    "update_id": 8,
    "callback_query": {
        "id": "1", "from": {"id": 5, "is_bot": False, "first_name": "A"}, "chat_instance": "1",
        "data": "1p:1",
    },
}  # fmt: skip
_JSON_SIGNS = (
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"true", b"-1", b"1e999", b"9" * 30, b"NaN", b'"x"',
    b'"\\ud800"', b'"\\u0000"', b"[[[[", b'{"a":', b"0.5",
)  # fmt: skip
_ROBOTS = b"User-agent: *\nDisallow: /admin/\nCrawl-delay: 10\nRequest-rate: 1/5\nSitemap: https://x/y\n"
_TOML = '[titles]\n"一个人的数学建模：碎纸复原" = "碎纸复原（一）"\n[series]\n"旧" = "新"\n'.encode()
_JSONS = tuple(json.dumps(each).encode() for each in (_RECORD, _PERSON))

SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "layouts": tuple(path.read_bytes()[:6000] for path in SAMPLES if path.suffix != ".json"),
    "answers_of_the_blog": (
        gzip.compress(b"<html>" * 2000),
        b"<html>x</html>",
        b"<script>location=1</script>",
    ),
    "redirects": (
        b"/x",
        b"//kexue.fm/a",
        b"https://www.kexue.fm:443/b#c",
        b"120",
        b"Wed, 21 Oct 2026 07:28:00 GMT",
    ),
    "robots": (_ROBOTS,),
    "titles": tuple(title.encode() for title in (*_TITLES, "\n".join(_TITLES))),
    "formulas": _TEX,
    "cards": tuple(b"\n".join((_TITLES[0].encode(), b"$" + tex + b"$ x")) for tex in _TEX[::5]),
    "buttons": (b"1p:12", b"1s:5:2", b"1oc:language:zh", b"1a:2022:11", b"p_12", b"o_5", b"1bs:1:1"),
    "questions": ("RoPE 外推".encode(), b'"a b" -c', b"%_\\", "Transformer升级".encode()),
    "operators_files": (_TOML, b"https://kexue.fm/ 17 */6 * * mon-fri", b"*/30 * * * *", b"https://x:99/y"),
    "webhook": tuple(json.dumps(each).encode() for each in (_UPDATE, _CALL)),
    "imports": (*_JSONS, b"\n".join(_JSONS)),
    "web": (
        b"auth_date=1&user=%7B%22id%22%3A1%7D&hash=00",
        b"w_Uk9QRQ",
        b"p_12",
        _TEX[0],
        "设$x_t=\\alpha x$，则\n\\begin{aligned}a&=b\\\\c&=d\\end{aligned}\n1、甲\n2、乙".encode(),
    ),
}
SIGNS: Mapping[str, tuple[bytes, ...]] = {
    "layouts": (
        b"<item>", b"</item>", b"<div>", b"</div>", b"<![CDATA[", b"]]>", b"<!DOCTYPE x [",
        b"<!ENTITY a 'b'>",
        b"&a;", b"&#x1F600;", b"<script>", b"<h1>", b"\n", b"\r", b"\x00", b"\xff\xfe", b"$",
        b"<a href='/archives/1'>",
        "\nBy 苏剑林 | 2022-03-09 | 1000位读者\n".encode(), b"\n14 Aug\n", "最近评论".encode(),
        b"<", b">", b"--",
    ),
    "answers_of_the_blog": (b"\x1f\x8b\x08\x00", b"<html>", b"</html>", b"<script", b"location", b"\x00"),
    "redirects": (
        b"/", b"//", b"https://", b"http:", b"@", b":", b"[", b"]", b"..", b"#", b"?", b"9", b"\n",
        b"kexue.fm",
    ),
    "robots": (
        b"User-agent: *\n", b"Disallow: /", b"Crawl-delay: ", "²\n".encode(), b"9", b"Request-rate: 1/",
        b"\n", b"*", b"$",
        b"%", b"Allow:", b"#", b":",
    ),
    "titles": (*(sign.encode() for sign in _NUMBERS), b"\n", *_MARKS),
    "formulas": (*_TEX_SIGNS, b"x", b"1", b" ", *_MARKS),
    "cards": (*_TEX_SIGNS, *_MARKS),
    "buttons": (b"1", b"p", b":", b"_", b"-", b"9", b"zh", b"oc", b"\x00", "９".encode()),
    "questions": (b'"', b"%", b"_", b"\\", b"AND", b"(", b"*", b" ", b"a", "中".encode(), "之路".encode(),
    *_MARKS),
    "operators_files": (
        b"[titles]\n", b"[series]\n", b'"a" = "b"\n', b"a = ", b"[", b"]", b"{a=", b'"', b"'''", b"#",
        b"\n", b"*", b"*/",
        b"0", b"9", b"-", b",", b";", b" ", b"https://", b":", b"@", b"mon", b"1979-05-27", b"0x",
        b"\\u0000",
    ),
    "webhook": _JSON_SIGNS,
    "imports": _JSON_SIGNS,
    "web": (*_TEX_SIGNS, *_MARKS, b"&", b"=", b"hash=", b"user=", b"%7B", b"w_", b"auth_date=9"),
}  # fmt: skip
