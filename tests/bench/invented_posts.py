"""Made-up posts in the layouts of the blog, as many as are wanted, the same at every run. Pure."""

import random
from datetime import date, timedelta
from html import escape

WORDS = [
    "注意力",
    "扩散模型",
    "梯度",
    "矩阵",
    "低秩",
    "近似",
    "优化器",
    "学习率",
    "语言模型",
    "位置编码",
    "长度外推",
    "变分",
    "自编码器",
    "生成",
    "采样",
    "概率",
    "积分",
    "微分方程",
    "几何",
    "曲线",
    "天象",
    "素数",
    "旋转",
    "线性",
    "卷积",
    "分词",
    "训练",
    "损失函数",
    "对比学习",
    "强化学习",
    "Transformer",
    "GAN",
    "VAE",
    "RoPE",
    "Muon",
    "LoRA",
    "MoE",
    "Adam",
    "BERT",
    "DDPM",
]
ORDINARY = [
    *"我们他它这那其在的是有从到把被就也都可以得出看来说为了对于由此",
    *"如果那么因此然而并且一般情况下考虑得到结果上述进一步事实上换言之不难发现文章最近读者笔者",
]
SERIES = ("漫步扩散模型", "Transformer改进札记", "重读状态空间", "低秩近似笔记", "最小熵札记", "优化器漫谈")
FORMULAS = (
    r"$\boldsymbol{x}_t = \alpha_t\boldsymbol{x}_0 + \sigma_t\boldsymbol{\varepsilon}$",
    r"$O(n^2)$",
    r"\begin{equation}\mathcal{L}=\mathbb{E}\left[\Vert\epsilon-\epsilon_\theta\Vert^2\right]\end{equation}",
)
FIRST_DAY = date(2009, 7, 1)


def title_of(number: int) -> str:
    luck = random.Random(number)
    if number % 3 == 0:
        series = SERIES[number // 3 % len(SERIES)]
        return f"{series}：{number // (3 * len(SERIES)) + 1}、{'与'.join(luck.sample(WORDS, 2))}"
    return f"{luck.choice(WORDS)}{luck.choice(('的', '与', '之'))}{luck.choice(WORDS)}（{number}）"


def excerpt_of(number: int) -> str:
    """About 400 characters, a formula now and then, a mention of another post at times."""
    luck = random.Random(-number)
    parts = []
    for _ in range(luck.randint(4, 9)):
        parts.append("，".join("".join(_clause(luck)) for _ in range(3)) + "。")
        if luck.random() < 0.25:
            parts.append(luck.choice(FORMULAS) + "\n")
    if number % 5 == 4:
        parts.append(f"参见《{title_of(number - 4)}》。")
    return "".join(parts)


def _clause(luck: random.Random) -> list[str]:
    """Ordinary words with one of the blog's subjects among them, as real sentences have."""
    words = luck.choices(ORDINARY, k=luck.randint(4, 7))
    words.insert(luck.randrange(len(words)), luck.choice(WORDS))
    return words


def day_of(number: int) -> date:
    return FIRST_DAY + timedelta(days=4 * number)


def listing(numbers: range) -> bytes:
    """A text capture of a list page with these posts, the newest first."""
    lines = []
    for number in reversed(numbers):
        readers = 1000 + 37 * number
        lines.append(
            f"{title_of(number)}\nBy 苏剑林 | {day_of(number)} | {readers}位读者 | 引用{excerpt_of(number)}"
        )
    return ("\n".join([*lines, "最近评论"]) + "\n").encode()


def feed(numbers: range) -> str:
    """The same posts as an RSS feed."""
    items = "".join(
        f"<item><title>{escape(title_of(n))}</title><link>https://blog.example/archives/{n + 1}</link>"
        f"<guid>https://blog.example/archives/{n + 1}</guid>"
        f"<pubDate>{day_of(n):%a, %d %b %Y} 10:00:00 +0800</pubDate><category>信息时代</category>"
        f"<description>{escape(excerpt_of(n))}</description></item>"
        for n in reversed(numbers)
    )
    head = '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>t</title>'
    return f"{head}{items}</channel></rss>"
