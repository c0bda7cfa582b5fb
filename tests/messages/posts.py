"""Posts to show: real titles, dates and figures; the excerpts are written for these tests."""

from datetime import UTC, date, datetime

from storage.model import Certainty, Post, PostId, Scope, ScopeId, ScopeKind

SEEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EVERYTHING = Scope(id=ScopeId(1), kind=ScopeKind.EVERYTHING)
ROPE = Scope(id=ScopeId(7), kind=ScopeKind.SERIES, key="transformer升级之路", name="Transformer升级之路")
DIFFUSION = Scope(id=ScopeId(8), kind=ScopeKind.SERIES, key="生成扩散模型漫谈", name="生成扩散模型漫谈")
ATTENTION = Scope(id=ScopeId(21), kind=ScopeKind.TAG, key="attention", name="attention")
POSITION = Scope(id=ScopeId(22), kind=ScopeKind.TAG, key="位置编码", name="位置编码")
LENGTH = Scope(id=ScopeId(23), kind=ScopeKind.TAG, key="外推", name="外推")
NOISE = Scope(id=ScopeId(24), kind=ScopeKind.TAG, key="扩散", name="扩散")
AGE = Scope(id=ScopeId(31), kind=ScopeKind.CATEGORY, key="信息时代", name="信息时代")
WORD = Scope(id=ScopeId(41), kind=ScopeKind.WORD, key="位置编码 外推", name="位置编码 外推")

EXCERPT = (
    "上一篇试着让窗口外的距离都取同一个值，效果不错，代价是推理变慢。\n"
    "这里反过来：训练时多花一点，推理时就不必。出发点是矩阵$\\mathcal{R}_{m-n}$只依赖于$m-n$。\n"
    "$$\\Vert A\\Vert_2^2\\leq\\Vert A\\Vert_F^2$$\n"
    "下面先回顾记号，再看结果。"
)


def post(number: int, title: str, day: date | None = None, **known: object) -> Post:
    """A post with the given facts; whatever is not given is unknown."""
    values: dict[str, object] = {
        "id": PostId(number),
        "title": title,
        "title_key": title.lower(),
        "date": day,
        "month_day": None,
        "date_certainty": Certainty.GIVEN,
        "readers": None,
        "readers_at": None,
        "comments": None,
        "category": None,
        "tags": None,
        "inferred_tags": (),
        "excerpt": "",
        "series": None,
        "series_key": None,
        "episode": None,
        "style": None,
        "archive_id": None,
        "first_seen_at": SEEN,
    }
    return Post(**{**values, **known})  # type: ignore[arg-type]


LEAKY = post(
    13,
    "Transformer升级之路：13、逆用Leaky ReRoPE",
    date(2023, 8, 14),
    readers=37_802,
    category="信息时代",
    tags=("attention", "位置编码", "外推"),
    inferred_tags=("外推", "扩散"),
    excerpt=EXCERPT,
    series="Transformer升级之路",
    episode=13,
    archive_id=9728,
)
DDPM = post(
    1,
    "生成扩散模型漫谈（一）：DDPM = 拆楼 + 建楼",
    date(2022, 6, 13),
    readers=415_322,
    category="信息时代",
    series="生成扩散模型漫谈",
    episode=1,
    archive_id=9119,
    excerpt="生成模型里，这一种最像拆楼与建楼。",
)
SPECTRA = post(
    5, "基于Conv1D的光谱分类模型（一维序列分类）", date(2018, 5, 2), readers=116_802, category="信息时代"
)
WINDOW = post(
    7,
    "Transformer升级之路：7、长度外推性与局部注意力",
    date(2023, 1, 12),
    readers=86_761,
    series="Transformer升级之路",
    episode=7,
)
ROBUST = post(
    8,
    "Transformer升级之路：8、长度外推性与位置鲁棒性",
    date(2023, 1, 31),
    readers=43_379,
    series="Transformer升级之路",
    episode=8,
)
GLOBAL = post(
    9,
    "Transformer升级之路：9、一种全局长度外推的新思路",
    date(2023, 5, 12),
    readers=55_769,
    series="Transformer升级之路",
    episode=9,
)
EMBEDDING = post(
    20,
    "语言模型输出端共享Embedding的重新探索",
    date(2023, 7, 20),
    date_certainty=Certainty.GUESSED,
)
UNDATED = post(21, "当生成模型肆虐：互联网将有“疯牛病”之忧？", month_day="07-14")
