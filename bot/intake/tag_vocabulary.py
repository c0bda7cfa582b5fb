"""Seed vocabulary of tags: synonyms of each tag, and words that indicate a tag.

Data only, kept small: `tagging.py` learns the rest from the posts with tags of the author.
"""

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
