"""Dumps for tests, written in the blog's listing layout, and dropped into a folder as a capture lands."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tests.tools.shared import SHARED


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A post as a listing prints it."""

    title: str
    day: date = date(2024, 5, 1)
    readers: int = 1000
    excerpt: str = "这是为测试写的摘要。"


def listing(*posts: Shown) -> str:
    """A page of search results."""
    shown = [f"{p.title}\nBy 苏剑林 | {p.day} | {p.readers}位读者 | 引用{p.excerpt}\n" for p in posts]
    return "".join(shown) + "最近评论"


def many(count: int, *, about: str = "位置编码随笔", day: date = date(2020, 1, 1)) -> list[Shown]:
    """Return `count` posts that differ in every field, a week apart."""
    return [
        Shown(
            title=f"{about}第{number}则",
            day=day + timedelta(weeks=number),
            readers=1000 + number,
            excerpt=f"{about}的第{number}段摘要,为测试而写。",
        )
        for number in range(1, count + 1)
    ]


def seed(start: str) -> bytes:
    """The real dump whose name begins so."""
    (found,) = (SHARED / "dumps").glob(f"{start}*")
    return found.read_bytes()


def land(folder: Path, name: str, content: str | bytes) -> Path:
    """Put a dump into the folder as a careful writer does: whole, by renaming."""
    unfinished = folder / f".{name}.part"
    unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
    return unfinished.rename(folder / name)


HOME = (Path(__file__).parents[1] / "data" / "dumps" / "home.txt").read_bytes()

_NUMERALS = "一二三四五六七八九十"
_SUBJECTS = (
    "DDPM = 拆楼 + 建楼",
    "DDPM = 自回归式VAE",
    "DDPM = 贝叶斯 + 去噪",
    "DDIM = 高观点DDPM",
    "一般框架之SDE篇",
)

# Two series, one of them with a gap, and a dozen posts without one.
ARCHIVE: tuple[Shown, ...] = (
    *(
        Shown(
            title=f"生成扩散模型漫谈({_NUMERALS[at]}):{subject}",
            day=date(2022, 6, 13) + timedelta(days=20 * at),
            readers=400_000 - 10_000 * at,
            excerpt=f"示例摘要,第{at + 1}段:扩散模型的又一个侧面。",
        )
        for at, subject in enumerate(_SUBJECTS)
    ),
    *(
        Shown(
            title=f"Transformer升级之路:{number}、位置的第{number}种看法",
            day=date(2021, 2, 3) + timedelta(days=40 * number),
            readers=90_000 - number,
            excerpt=f"示例摘要,第{number}段,谈的是attention与RoPE。",
        )
        for number in (1, 2, 4, 5, 6)
    ),
    *many(12),
)

# An episode that tests may store first, and its successor.
OLD = Shown(title="生成扩散模型漫谈(一):DDPM = 拆楼 + 建楼", readers=415_322)
NEXT = Shown(title="生成扩散模型漫谈(二):DDPM = 自回归式VAE", excerpt="这是第二篇的摘要,为测试而写。")
