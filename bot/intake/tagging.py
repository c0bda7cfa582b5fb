"""Tag inference from a title and an excerpt, with the seed vocabulary of tags.

Each word of the vocabulary has an estimated precision for a tag: a small prior updated by the posts with the
author's tags. Only words above `PRECISION` count. Posts with tags of the author are not inferred.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import ahocorasick

from bot.titles import flatten

# Each line is one tag in all its spellings; the first is displayed unless the author's own is stored.
SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("NLP", "自然语言处理"),
    ("流模型", "flow", "标准化流", "normalizing flow"),
    ("扩散", "扩散模型", "生成扩散模型", "diffusion"),
    ("摄动", "微扰", "摄动法"),
    ("attention", "注意力", "注意力机制"),
    ("优化器", "optimizer"),
    ("损失函数", "loss"),
    ("语言模型", "language model", "LLM", "大语言模型", "大模型"),
    ("RNN", "循环神经网络"),
    ("CNN", "卷积神经网络"),
    ("GAN", "生成对抗网络", "对抗生成网络"),
    ("vae", "变分自编码器", "变分自编码"),
    ("SVD", "奇异值分解"),
    ("sgd", "随机梯度下降"),
    ("moe", "混合专家", "混合专家模型"),
    ("ssm", "状态空间模型"),
    ("lora", "低秩适配"),
    ("crf", "条件随机场"),
    ("NER", "命名实体识别"),
    ("尺度定律", "scaling law", "scaling laws"),
    ("强化学习", "RL"),
    ("文本生成", "生成式摘要"),
    ("酷论文", "cool papers"),
    ("国际空间站", "ISS"),
    ("位置编码", "position encoding", "position embedding", "位置嵌入"),
    ("最小熵", "最小熵原理"),
    ("最大熵", "最大熵原理", "最大熵模型"),
    ("对比学习", "contrastive learning"),
    ("半监督", "半监督学习"),
    ("无监督", "无监督学习"),
    ("极大似然", "最大似然"),
    ("微分方程", "常微分方程", "偏微分方程", "ODE", "SDE"),
    ("圆锥曲线", "二次曲线"),
    ("太阳系", "solar system"),
)

# Words that indicate a tag without spelling it; a word may indicate several tags.
TRIGGERS: dict[str, tuple[str, ...]] = {
    "attention": (
        "transformer",
        "self-attention",
        "linear attention",
        "线性attention",
        "deltanet",
        "bert",
        "decoder-only",
        "performer",
    ),
    "位置编码": ("rope", "rerope", "alibi", "旋转式位置编码", "长度外推", "长度外推性"),
    "外推": ("长度外推", "长度外推性", "外推性"),
    "优化器": ("adam", "adamw", "adafactor", "lion", "muon", "lookahead", "学习率优化器", "最速下降"),
    "sgd": ("sgdm",),
    "学习率": ("学习率", "learning rate", "warmup"),
    "扩散": ("ddpm", "ddim", "扩散ode", "扩散sde", "扩散模型漫谈", "一致性模型", "得分匹配", "reflow"),
    "生成模型": (
        "ddpm",
        "gan",
        "vae",
        "流模型",
        "glow",
        "nice",
        "realnvp",
        "wgan",
        "wgan-gp",
        "生成扩散模型",
    ),
    "GAN": ("wgan", "wgan-gp", "o-gan", "t-gan", "f-gan", "lsgan", "对抗训练gan"),
    "vae": ("vq-vae", "nvae", "betavae", "vmf-vae"),
    "流模型": ("glow", "realnvp", "可逆resnet"),
    "语言模型": (
        "bert",
        "gpt",
        "gpt2",
        "gpt3",
        "t5",
        "roberta",
        "roformer",
        "wobert",
        "mlm",
        "decoder-only",
        "bert4keras",
    ),
    "keras": ("bert4keras", "tf.keras"),
    "文本生成": ("seq2seq", "文本摘要", "标题生成"),
    "词向量": ("word2vec", "glove", "词向量模型"),
    "moe": ("mixture of experts",),
    "muon": ("newton-schulz",),
    "低秩": ("lora", "低秩近似"),
    "信息抽取": ("三元组抽取", "关系抽取", "事件抽取", "gplinker"),
    "NER": ("实体识别",),
    "分词": ("中文分词", "随机分词", "tokenizer"),
    "尺度定律": ("scaling law",),
    "天象": ("重要天象", "全年天象"),
    "观测": ("重要天象",),
    "国际空间站": ("国际空间站过境",),
    "费曼": ("费曼积分法",),
    "积分": ("费曼积分法", "高斯积分", "定积分", "欧拉数学"),
    "latex": ("mathjax", "数学公式输入"),
    "论文": ("arxiv", "cool papers"),
    "网站": ("mathjax", "浏览器扩展", "博客"),
    "优化": ("凸优化", "梯度下降"),
    "概率": ("概率分布", "正态分布", "正态", "无偏估计", "softmax", "大数定律"),
    "尺规作图": ("尺规",),
    "相对论": ("洛仑兹变换", "洛伦兹变换", "长度收缩", "时间延缓", "时间膨胀"),
    "python": ("多进程", "pandas", "numpy"),
    "编程": ("多进程", "爬虫"),
    "编码": ("vq", "编码表"),
    "离散化": ("vq", "向量量化"),
    "估计": ("渐近估计", "无偏估计"),
    "节日": ("国庆", "端午", "中秋", "春节", "元旦"),
    "恒星": ("超新星",),
    "数论": ("素数定理", "费马大定理"),
    "生活": ("生活杂记",),
    "素数": ("素性", "素数之美"),
}

# Tags that the subject of another tag implies.
IMPLIED: dict[str, tuple[str, ...]] = {
    "低秩": ("矩阵", "近似"),
    "SVD": ("矩阵",),
    "muon": ("优化器", "矩阵"),
    "MuP": ("优化器", "矩阵"),
    "lora": ("低秩", "梯度", "优化器"),
    "sgd": ("优化器", "梯度"),
    "学习率": ("梯度",),
    "炼丹": ("优化器",),
    "moe": ("稀疏",),
    "ssm": ("RNN", "线性"),
    "GAN": ("生成模型",),
    "vae": ("生成模型",),
    "流模型": ("生成模型",),
    "扩散": ("生成模型",),
    "酷论文": ("论文", "网站"),
    "谱范数": ("矩阵",),
    "摄动": ("近似",),
    "分词": ("NLP",),
    "NER": ("NLP",),
    "位置编码": ("attention",),
    "路径积分": ("量子力学", "作用量"),
    "尺规作图": ("几何",),
    "数论": ("数学",),
    "文本生成": ("NLP",),
}


def _set_of(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


# Tags whose word is too common to indicate the topic, unless the stored posts show otherwise.
BROAD = _set_of(
    "模型 数学 分析 时间 学习 生活 世界 中国 美国 困难 问题 方法 函数 变换 估计 周期 测量 几何",
    "概率 生成 编码 对称 平衡 旋转 理论 近似 信息 数字 网络 统计 优化 最优 采样 猜想 精确 论文",
    "网站 宇宙 科学 情感 影视 视频 图片 读者 翻译 转载 思考 分享 纪念 帮助 公式 比赛 方程 矩阵",
    "积分 证明 曲线 光学 力学 代数 坐标 梯度 线性 算法 深度学习 机器学习 代码 实验 训练 数据 参数 维度",
    "向量 空间 损失 语言 文本 概念 技巧 应用 推导 研究",
)

# Words of astronomy and physics are figures of speech in posts about machine learning.
SKY_AND_MATTER = _set_of(
    "引力 流体 力学 恒星 星系 星云 银河系 太阳系 卫星 行星 彗星 流星 火星 土星 木星 月球 日食 月食",
    "宇宙 飞船 潮汐 相对论 时空 量子力学 磁场 电场 光学 熵力 望远镜 天象 场论 黑洞",
)
MACHINE_CATEGORIES = frozenset({"信息时代"})

# Subjects that are tags wherever a title names them.
SUBJECTS = _set_of(
    "超新星 多项式 公理 级数 复数 数列 行列式 不等式 动力学 势能 变分 泛函 混沌 群论 国庆 节气 中国象棋",
    "去噪 自回归 多模态 离散化 互信息 无监督 半监督 对比学习 强化学习 迁移学习 知识蒸馏 词向量 分词 问答",
    "光滑 迭代 linux python",
)


PRECISION = 0.8  # minimum precision of a word to indicate a tag
MOST_TAGS = 5  # the author gives one to seven, mostly four or five

Tagged = tuple[str, str, Sequence[str]]  # title, excerpt, the author's tags


class _Place(Enum):
    """Position of a word: the less prominent, the weaker the evidence."""

    TITLE = "title"
    OFTEN = "often"  # at least `_OFTEN` times in the excerpt
    ONCE = "once"  # fewer times in the excerpt


# Prior of a word by place: (posts with the tag, posts with the word).
_PRIOR = {
    _Place.TITLE: (2.7, 3.0),
    _Place.OFTEN: (2.5, 3.0),
    _Place.ONCE: (1.0, 2.0),
}
_BROAD_PRIOR = (1.0, 2.0)
_BROAD_TITLE_PRIOR = (1.7, 2.0)  # in a title, once the author has used the tag
_PHRASE_PRIOR = (0.0, 1.0)
_IMPLIED_PRIOR = (2.6, 3.0)
IMPLIED_PRECISION = 0.75  # share of the posts of a tag that must bear another for it to be implied
_OFTEN = 3
_PHRASE_POSTS = 4  # minimum number of titles to learn a phrase
_PHRASE_LENGTHS = range(2, 7)

_FORMULA = re.compile(r"\$[^$]*\$|\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
_LATIN_WORD = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_HAN = re.compile(r"[\u4e00-\u9fff]+")

_Rules = Mapping[str, tuple[tuple[str, float], ...]]  # word → the tags it indicates, with its precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The learned words, their precision by place, and the spelling of each tag."""

    automaton: ahocorasick.Automaton
    rules: Mapping[_Place, _Rules]
    phrases: _Rules
    implied: _Rules
    spellings: Mapping[str, str]


def _fold(text: str) -> str:
    """Return `text` in NFKC, case-folded. Most texts need only the full-width characters replaced."""
    text = flatten(text)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return text.casefold()


def _compact(tag: str) -> str:
    compact = "".join(_fold(tag).split())
    # Case folding or removing a blank can produce a character that folds again.
    return compact if compact == tag else _compact(compact)


_KEYS = {_compact(spelling): _compact(group[0]) for group in SYNONYMS for spelling in group}


@lru_cache(maxsize=8192)
def tag_key(tag: str) -> str:
    """Return the key of a tag: no case, no width, no blanks, synonyms as one. Idempotent."""
    compact = _compact(tag)
    return _KEYS.get(compact, compact)


def learn(tagged: Iterable[Tagged], triggers: Mapping[str, Sequence[str]] = TRIGGERS) -> Vocabulary:
    """Learn from posts with tags of the author. Without any, only the seed vocabulary applies."""
    posts = [(title, excerpt, frozenset(map(tag_key, tags)), tags) for title, excerpt, tags in tagged]
    spellings = _spellings([tag for *_, tags in posts for tag in tags], triggers)
    words = _words(spellings, triggers)
    automaton = _automaton(words)
    taught = frozenset(key for _, _, keys, _ in posts for key in keys)
    seen: dict[_Place, Counter[str]] = {place: Counter() for place in _Place}
    right: dict[_Place, Counter[tuple[str, str]]] = {place: Counter() for place in _Place}
    for title, excerpt, keys, _ in posts:
        for place, standing in _evidence(automaton, title, excerpt):
            seen[place].update(standing)
            right[place].update((word, key) for word in standing for key in words[word] & keys)
    rules = {
        place: {
            word: promises
            for word, keys in words.items()
            if (promises := _promises(_priors(place, keys, taught), right[place], word, seen[place][word]))
        }
        for place in _Place
    }
    return Vocabulary(
        automaton=automaton,
        rules=rules,
        phrases=_learn_phrases([(title, keys) for title, _, keys, _ in posts]),
        implied=_learn_implied([keys for _, _, keys, _ in posts]),
        spellings=spellings,
    )


def infer_tags(
    vocabulary: Vocabulary, title: str, excerpt: str, category: str | None = None
) -> tuple[str, ...]:
    """Return the likely tags of the post, the most precise first, at most `MOST_TAGS`."""
    promise: dict[str, float] = {}
    for place, standing in _evidence(vocabulary.automaton, title, excerpt):
        if rules := vocabulary.rules[place]:
            for word in standing:
                for key, precision in rules.get(word, ()):
                    promise[key] = max(promise.get(key, 0.0), precision)
    for phrase in _phrases(title) if vocabulary.phrases else ():
        for key, precision in vocabulary.phrases.get(phrase, ()):
            promise[key] = max(promise.get(key, 0.0), precision)
    for key in tuple(promise):
        for other, precision in vocabulary.implied.get(key, ()):
            promise[other] = max(promise.get(other, 0.0), promise[key] * precision)
    if category in MACHINE_CATEGORIES:
        promise = {key: precision for key, precision in promise.items() if key not in SKY_AND_MATTER}
    sure = sorted((-precision, key) for key, precision in promise.items())
    return tuple(vocabulary.spellings[key] for _, key in sure[:MOST_TAGS])


def _spellings(tags: Sequence[str], seeds: Iterable[str]) -> dict[str, str]:
    """Return the displayed form of each tag: the most frequent of the author, otherwise the seed."""
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for tag in tags:
        if key := tag_key(tag):
            spelt[key][tag.strip()] += 1
    implied = (other for others in IMPLIED.values() for other in others)
    listed = (*implied, *seeds, *(group[0] for group in SYNONYMS), *SKY_AND_MATTER, *SUBJECTS)
    known = {tag_key(tag): tag for tag in listed}
    return known | {key: min(counts, key=lambda tag: (-counts[tag], tag)) for key, counts in spelt.items()}


def _words(spellings: Mapping[str, str], triggers: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Return every word to search for, with the tags it may indicate."""
    words: dict[str, set[str]] = defaultdict(set)
    for tag, seeds in triggers.items():
        for word in seeds:
            words[_fold(word)].add(tag_key(tag))
    for group in SYNONYMS:
        for word in group:
            words[_fold(word)].add(tag_key(word))
    for name in (*SKY_AND_MATTER, *SUBJECTS):
        words[_fold(name)].add(tag_key(name))
    for key, name in spellings.items():
        # A single character and a bare number occur in too many texts to indicate the tag.
        if len(key) > 1 and not key.isdecimal():
            words[_fold(name)].add(key)
    return dict(words)


def _automaton(words: Iterable[str]) -> ahocorasick.Automaton:
    """Build an Aho-Corasick automaton; each word carries whether its boundaries must be checked."""
    automaton = ahocorasick.Automaton()
    for word in words:
        automaton.add_word(word, (word, word[0].isascii() or word[-1].isascii()))
    automaton.make_automaton()
    return automaton


def _evidence(
    automaton: ahocorasick.Automaton, title: str, excerpt: str
) -> tuple[tuple[_Place, Collection[str]], ...]:
    """Return the words at each place, each once."""
    counts = Counter(_occurrences(automaton, _fold(_FORMULA.sub(" ", excerpt))))
    often = {word for word, count in counts.items() if count >= _OFTEN}
    return (
        (_Place.TITLE, set(_occurrences(automaton, _fold(title)))),
        (_Place.OFTEN, often),
        (_Place.ONCE, counts.keys() - often),
    )


def _occurrences(automaton: ahocorasick.Automaton, text: str) -> list[str]:
    """Return the longest words at each position: 积分 in 路径积分 does not count."""
    return [
        word
        for last, (word, bounded) in automaton.iter_long(text)
        if not bounded or _stands_alone(text, last + 1 - len(word), last + 1, word)
    ]


def _stands_alone(text: str, start: int, end: int, word: str) -> bool:
    """Return whether a Latin word has no Latin neighbour: no GAN in "organ". Chinese has no boundaries."""
    if start > 0 and word[0].isascii() and (before := text[start - 1]).isascii() and before.isalnum():
        return False
    behind = text[end : end + 1]
    return not (word[-1].isascii() and behind.isascii() and behind.isalnum())


def _promises(
    priors: Mapping[str, tuple[float, float]], right: Mapping[tuple[str, str], int], word: str, seen: int
) -> tuple[tuple[str, float], ...]:
    """Return the tags that a word indicates with at least `PRECISION`."""
    each = ((key, _precision(right[word, key], seen, priors[key])) for key in sorted(priors))
    return tuple((key, precision) for key, precision in each if precision >= PRECISION)


def _priors(place: _Place, keys: Iterable[str], taught: frozenset[str]) -> dict[str, tuple[float, float]]:
    """Return the prior of each tag for a word at `place`; `taught` are the tags of the author."""
    used = taught if place is _Place.TITLE else frozenset[str]()
    return {
        key: _PRIOR[place] if key not in BROAD else _BROAD_TITLE_PRIOR if key in used else _BROAD_PRIOR
        for key in keys
    }


def _precision(right: int, seen: int, prior: tuple[float, float]) -> float:
    return (right + prior[0]) / (seen + prior[1])


def _learn_phrases(posts: Sequence[tuple[str, frozenset[str]]]) -> _Rules:
    """Learn pieces of titles, mostly series names, whose posts nearly all have one tag."""
    pieces = [(_phrases(title), keys) for title, keys in posts]
    seen = Counter(phrase for phrases, _ in pieces for phrase in phrases)
    right: Counter[tuple[str, str]] = Counter()
    for phrases, keys in pieces:
        right.update((phrase, key) for phrase in phrases if seen[phrase] >= _PHRASE_POSTS for key in keys)
    rules: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for (phrase, key), count in right.items():
        if (precision := _precision(count, seen[phrase], _PHRASE_PRIOR)) >= PRECISION:
            rules[phrase].append((key, precision))
    return {phrase: tuple(sorted(found)) for phrase, found in rules.items()}


def _learn_implied(posts: Sequence[frozenset[str]]) -> _Rules:
    """Return for each tag the tags that nearly all its posts bear too, from the seeds and the posts."""
    seen = Counter(key for keys in posts for key in keys)
    both = Counter((key, other) for keys in posts for key in keys for other in keys if key != other)
    seeds = {(tag_key(tag), tag_key(other)) for tag, others in IMPLIED.items() for other in others}
    rules: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for key, other in sorted(seeds | both.keys()):
        prior = _IMPLIED_PRIOR if (key, other) in seeds else _PHRASE_PRIOR
        if (precision := _precision(both[key, other], seen[key], prior)) >= IMPLIED_PRECISION:
            rules[key].append((other, precision))
    return {key: tuple(found) for key, found in rules.items()}


def _phrases(title: str) -> set[str]:
    folded = _fold(title)
    found = {word for word in _LATIN_WORD.findall(folded) if not word.isdecimal()}
    for run in _HAN.findall(folded):
        found.update(
            run[start : start + length]
            for length in _PHRASE_LENGTHS
            for start in range(len(run) - length + 1)
        )
    return found
