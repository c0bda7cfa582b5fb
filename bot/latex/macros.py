"""Macro tables: the macros that every Telegram client draws, and the replacement of all others.

A macro in none of these tables is unknown, and its formula is shown as source.
"""

from typing import Final


def listed(words: str) -> list[str]:
    """Return the words of a list."""
    return words.split()


def pairs(table: str) -> dict[str, str]:
    """Return the words of `table` as pairs of key and value."""
    words = table.split()
    return dict(zip(words[::2], words[1::2], strict=True))


ORDINARY: Final = pairs(r"""
alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ
lambda λ mu μ nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ
phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ
Phi Φ Psi Ψ Omega Ω varkappa ϰ digamma ϝ infty ∞ partial ∂ nabla ∇ forall ∀ exists ∃ nexists ∄
emptyset ∅ varnothing ∅ ell ℓ hbar ℏ Re ℜ Im ℑ wp ℘ aleph ℵ imath ı jmath ȷ prime ′ backprime ‵
angle ∠ measuredangle ∡ triangle △ square □ Box □ blacksquare ■ Diamond ◇ bigstar ★ clubsuit ♣
diamondsuit ♢ heartsuit ♡ spadesuit ♠ top ⊤ bot ⊥ neg ¬ lnot ¬ flat ♭ natural ♮ sharp ♯ surd √
checkmark ✓ complement ∁ mho ℧ beth ℶ gimel ℷ daleth ℸ dagger † ddagger ‡ S § ldots … cdots ⋯
vdots ⋮ ddots ⋱ colon : backslash \ langle ⟨ rangle ⟩ lceil ⌈ rceil ⌉ lfloor ⌊ rfloor ⌋ vert |
Vert ‖ ulcorner ⌜ urcorner ⌝ llcorner ⌞ lrcorner ⌟ { { } } % % # # _ _ $ $ & &
Finv Ⅎ Game ⅁ Bbbk 𝕜 hslash ℏ eth ð yen ¥ maltese ✠ circledS Ⓢ lozenge ◊ blacklozenge ⧫ triangledown ▽
blacktriangle ▲ blacktriangledown ▼ sphericalangle ∢ diagup ╱ diagdown ╲ lgroup ⟮ rgroup ⟯
lmoustache ⎰ rmoustache ⎱ ldotp . cdotp ⋅ varGamma Γ varDelta Δ varTheta Θ varLambda Λ varXi Ξ varPi Π
varSigma Σ varUpsilon Υ varPhi Φ varPsi Ψ varOmega Ω
""")
RELATIONS: Final = pairs(r"""
leq ≤ le ≤ geq ≥ ge ≥ neq ≠ ne ≠ equiv ≡ sim ∼ simeq ≃ approx ≈ approxeq ≊ cong ≅ propto ∝
varpropto ∝ ll ≪ gg ≫ lll ⋘ ggg ⋙ prec ≺ succ ≻ preceq ⪯ succeq ⪰ doteq ≐ asymp ≍ triangleq ≜ lt <
gt > leqslant ⩽ geqslant ⩾ leqq ≦ geqq ≧ lesssim ≲ gtrsim ≳ lessapprox ⪅ gtrapprox ⪆ nleq ≰ ngeq ≱
nless ≮ ngtr ≯ nsim ≁ ncong ≇ circeq ≗ bumpeq ≏ thickapprox ≈ thicksim ∼ backsim ∽ eqsim ≂ precsim ≾
succsim ≿ precapprox ⪷ succapprox ⪸ nprec ⊀ nsucc ⊁ in ∈ notin ∉ ni ∋ subset ⊂ supset ⊃ subseteq ⊆
supseteq ⊇ subsetneq ⊊ supsetneq ⊋ nsubseteq ⊈ nsupseteq ⊉ sqsubset ⊏ sqsupset ⊐ sqsubseteq ⊑
sqsupseteq ⊒ perp ⊥ parallel ∥ nparallel ∦ mid | nmid ∤ vdash ⊢ dashv ⊣ models ⊨ vDash ⊨ Vdash ⊩
nvdash ⊬ smile ⌣ frown ⌢ bowtie ⋈ therefore ∴ because ∵ between ≬ to → rightarrow → leftarrow ←
gets ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ longrightarrow ⟶ longleftarrow ⟵
longleftrightarrow ⟷ Longrightarrow ⟹ Longleftarrow ⟸ Longleftrightarrow ⟺ mapsto ↦ longmapsto ⟼
uparrow ↑ downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓ Updownarrow ⇕ nearrow ↗ searrow ↘
swarrow ↙ nwarrow ↖ hookrightarrow ↪ hookleftarrow ↩ rightharpoonup ⇀ rightharpoondown ⇁
leftharpoonup ↼ leftharpoondown ↽ rightleftharpoons ⇌ leftrightharpoons ⇋ rightrightarrows ⇉
leftleftarrows ⇇ rightleftarrows ⇄ leftrightarrows ⇆ twoheadrightarrow ↠ rightarrowtail ↣
rightsquigarrow ⇝ circlearrowleft ↺ circlearrowright ↻ curvearrowright ↷ curvearrowleft ↶
nrightarrow ↛ nleftarrow ↚ nRightarrow ⇏ upuparrows ⇈ downdownarrows ⇊ multimap ⊸
Bumpeq ≎ Doteq ≑ doteqdot ≑ fallingdotseq ≒ risingdotseq ≓ eqcirc ≖ eqslantgtr ⪖ eqslantless ⪕
backepsilon ∍ backsimeq ⋍ Join ⋈ pitchfork ⋔ shortmid ∣ shortparallel ∥ nshortmid ∤ nshortparallel ∦
smallfrown ⌢ smallsmile ⌣ restriction ↾ vartriangle △ Vvdash ⊪ nVDash ⊯ nVdash ⊮ nvDash ⊭
gggtr ⋙ llless ⋘ gtrless ≷ lessgtr ≶ gtreqless ⋛ lesseqgtr ⋚ gtreqqless ⪌ lesseqqgtr ⪋ gneq ⪈ lneq ⪇
gneqq ≩ lneqq ≨ gvertneqq ≩ lvertneqq ≨ gnsim ⋧ lnsim ⋦ gnapprox ⪊ lnapprox ⪉ ngeqq ≱ nleqq ≰
ngeqslant ≱ nleqslant ≰ curlyeqprec ⋞ curlyeqsucc ⋟ preccurlyeq ≼ succcurlyeq ≽ precnsim ⋨ succnsim ⋩
precneqq ⪵ succneqq ⪶ precnapprox ⪹ succnapprox ⪺ npreceq ⋠ nsucceq ⋡ Subset ⋐ Supset ⋑ subseteqq ⫅
supseteqq ⫆ subsetneqq ⫋ supsetneqq ⫌ varsubsetneq ⊊ varsupsetneq ⊋ varsubsetneqq ⫋ varsupsetneqq ⫌
nsubseteqq ⊈ nsupseteqq ⊉ vartriangleleft ⊲ vartriangleright ⊳ trianglelefteq ⊴ trianglerighteq ⊵
ntriangleleft ⋪ ntriangleright ⋫ ntrianglelefteq ⋬ ntrianglerighteq ⋭ blacktriangleleft ◀
blacktriangleright ▶ Lleftarrow ⇚ Rrightarrow ⇛ Lsh ↰ Rsh ↱ leftarrowtail ↢ twoheadleftarrow ↞
leftrightsquigarrow ↭ looparrowleft ↫ looparrowright ↬ nLeftarrow ⇍ nleftrightarrow ↮ nLeftrightarrow ⇎
upharpoonleft ↿ upharpoonright ↾ downharpoonleft ⇃ downharpoonright ⇂
""")
OPERATIONS: Final = pairs(r"""
pm ± mp ∓ times × div ÷ cdot ⋅ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘
odot ⊙ cup ∪ cap ∩ uplus ⊎ sqcup ⊔ sqcap ⊓ vee ∨ lor ∨ wedge ∧ land ∧ setminus ∖ smallsetminus ∖
wr ≀ amalg ⨿ diamond ⋄ bigtriangleup △ bigtriangledown ▽ triangleleft ◁ triangleright ▷ dotplus ∔
boxplus ⊞ boxminus ⊟ boxtimes ⊠ boxdot ⊡ ltimes ⋉ rtimes ⋊ veebar ⊻ barwedge ⊼ circledast ⊛
circledcirc ⊚ Cup ⋓ Cap ⋒ centerdot · doublecup ⋓ doublecap ⋒ bigcirc ◯ circleddash ⊝ curlyvee ⋎
curlywedge ⋏ divideontimes ⋇ doublebarwedge ⩞ intercal ⊺ leftthreetimes ⋋ rightthreetimes ⋌ lessdot ⋖
gtrdot ⋗ lhd ⊲ rhd ⊳ unlhd ⊴ unrhd ⊵
""")
BIG_OPERATORS: Final = pairs(r"""
sum ∑ prod ∏ coprod ∐ int ∫ iint ∬ iiint ∭ oint ∮ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigodot ⨀
bigvee ⋁ bigwedge ⋀ bigsqcup ⨆ biguplus ⨄ smallint ∫
""")
FUNCTIONS: Final = {
    name: name
    for name in listed("""
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim ln log max min
Pr sec sin sinh sup tan tanh
""")
} | {
    "liminf": "lim inf",
    "limsup": "lim sup",
    "injlim": "inj lim",
    "projlim": "proj lim",
    "varinjlim": "inj lim",
    "varprojlim": "proj lim",
    "varlimsup": "lim sup",
    "varliminf": "lim inf",
}
SPACES: Final = {
    ",": " ",
    ":": " ",
    ";": " ",
    " ": " ",
    "quad": "  ",
    "qquad": "   ",
    "!": "",
    "negmedspace": "",
    "negthickspace": "",
}
# Macros that change size or limits and draw nothing.
SIZES: Final = frozenset(listed("Big Bigg Biggl Biggr Bigl Bigr big bigg biggl biggr bigl bigr"))
SILENT: Final = SIZES | frozenset(
    listed("displaystyle hline limits nolimits scriptscriptstyle scriptstyle textstyle")
)
SIMPLE: Final = {**ORDINARY, **RELATIONS, **OPERATIONS, **BIG_OPERATORS, **FUNCTIONS, **SPACES}


# Accents, with their combining characters.
ACCENTS: Final = {
    "hat": "\u0302",
    "widehat": "\u0302",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "bar": "\u0304",
    "overline": "\u0305",
    "underline": "\u0332",
    "vec": "\u20d7",
    "overrightarrow": "\u20d7",
    "overleftarrow": "\u20d6",
    "dot": "\u0307",
    "ddot": "\u0308",
    "dddot": "\u20db",
    "check": "\u030c",
    "breve": "\u0306",
    "acute": "\u0301",
    "grave": "\u0300",
    "mathring": "\u030a",
    "ddddot": "\u20dc",
    "overleftrightarrow": "\u20e1",
    "underleftarrow": "\u20ee",
    "underrightarrow": "\u20ef",
    "underleftrightarrow": "\u034d",
}
ALPHABETS: Final = frozenset(
    listed("boldsymbol mathbf mathrm mathit mathsf mathtt mathcal mathscr mathfrak mathbb")
)
CLASSES: Final = frozenset(listed("mathop mathbin mathrel mathord mathopen mathclose mathpunct"))
# Argument counts; the macros of OPTIONAL take one more argument in square brackets.
ARGUMENTS: Final = {
    **dict.fromkeys((*ACCENTS, *ALPHABETS, *CLASSES), 1),
    **dict.fromkeys(listed("frac dfrac tfrac cfrac binom overset underset stackrel"), 2),
    **dict.fromkeys(listed("sqrt operatorname operatorname* underbrace overbrace xrightarrow xleftarrow"), 1),
    **dict.fromkeys(listed("phantom hphantom vphantom substack pmod pod"), 1),
}
OPTIONAL: Final = frozenset(("sqrt", "xrightarrow", "xleftarrow"))
# Text macros, and the text macro written for each.
WORDS: Final = {
    **{name: name for name in ("text", "textbf", "textit", "texttt", "textsf", "textrm")},
    **dict.fromkeys(listed("textnormal textsc textup textsl textmd mbox hbox emph ce fbox"), "text"),
    **dict.fromkeys(listed("llap rlap clap colorbox fcolorbox"), "text"),
}

# Names that some engine rejects, and the equivalent names.
ALIASES: Final = pairs(r"""
bm boldsymbol pmb boldsymbol bold mathbf mathbfit boldsymbol Bbb mathbb mathbbm mathbb
mathds mathbb lang langle rang rangle | Vert lVert Vert rVert Vert dbinom binom tbinom binom
operatornamewithlimits operatorname* thinspace , medspace : thickspace ; negthinspace ! enspace quad
lbrace { rbrace } owns ni implies Longrightarrow impliedby Longleftarrow leadsto rightsquigarrow
iff Longleftrightarrow dotsc ldots dotso ldots dots ldots dotsb cdots dotsm cdots dotsi cdots
bigm big Bigm Big biggm bigg Biggm Bigg overrightharpoon vec hdots ldots cr \ newline \ tabularnewline \
dag dagger ddag ddagger enskip quad hdashline hline infin infty isin in exist exists empty emptyset
mathup mathrm symup mathrm symbf mathbf
> : dashrightarrow rightarrow dashleftarrow leftarrow thetasym vartheta
""")
_LIMITED: Final = listed("argmin argmax arginf argsup esssup essinf")
_NAMED: Final = listed("""
KL relu ReLU softmax sigmoid tr Tr sign sgn diag rank Var Cov gelu GELU erf softplus logsumexp
vec2mat prox supp conv
""")
# Macros that some engine rejects, and their expansions.
EXPANSIONS: Final = {
    **pairs(r"""
lvert | rvert | coloneqq := coloneq := eqqcolon =: vcentcolon : mod \;\mathrm{mod}\;
bmod \;\mathrm{mod}\; lbrack [ rbrack ] degree ^{\circ} dif \mathrm{d}
lparen ( rparen ) dblcolon :: coloncolon :: Coloneqq ::= coloncolonequals ::=
colonequals := equalscolon =: ordinarycolon : ratio : llbracket [\![ rrbracket ]\!] mapsfrom ↤ iddots ⋰
idotsint \int\cdots\int iiiint \iint\!\iint P \text{¶} copyright \text{©} circledR \text{®}
mathsterling \text{£} pounds \text{£} euro \text{€} And \& Alpha \mathrm{A} Beta \mathrm{B}
Epsilon \mathrm{E} Zeta \mathrm{Z} Eta \mathrm{H} Iota \mathrm{I} Kappa \mathrm{K} Mu \mathrm{M}
Nu \mathrm{N} Omicron \mathrm{O} Rho \mathrm{P} Tau \mathrm{T} Chi \mathrm{X}
"""),
    **{letter: rf"\mathbb{{{letter}}}" for letter in "RNZQC"},
    **{name: rf"\operatorname*{{{name}}}" for name in _LIMITED},
    **{name: rf"\operatorname{{{name}}}" for name in _NAMED},
}
# Extensible arrows that some engine rejects, and the arrows of fixed length.
STRETCHED: Final = pairs(r"""
xlongequal = xLeftarrow \Longleftarrow xRightarrow \Longrightarrow
xleftrightarrow \longleftrightarrow xLeftrightarrow \Longleftrightarrow xmapsto \longmapsto
xrightleftharpoons \rightleftharpoons xhookrightarrow \hookrightarrow xhookleftarrow \hookleftarrow
xtwoheadrightarrow \twoheadrightarrow xtwoheadleftarrow \twoheadleftarrow xtofrom \rightleftarrows
xrightharpoonup \rightharpoonup xrightharpoondown \rightharpoondown xleftharpoonup \leftharpoonup
xleftharpoondown \leftharpoondown xleftrightharpoons \leftrightharpoons
""")
# Delimiters around an argument; those of a capital name have its height.
BRACKETED: Final = {
    **dict.fromkeys(("bra", "Bra"), (r"\langle", "|")),
    **dict.fromkeys(("ket", "Ket"), ("|", r"\rangle")),
    **dict.fromkeys(("braket", "Braket"), (r"\langle", r"\rangle")),
}
FENCES: Final = {"norm": r"\Vert", "abs": "|"}

# Dropped macros: without argument; with one raw argument; around an argument, after N raw ones.
DROPPED: Final = frozenset(
    listed("""/
Huge LARGE Large Tiny allowbreak boldmath centering displaylimits footnotesize hfill huge large
mathstrut nobreak noindent nonumber normalsize notag null par protect relax scriptsize small strut
tiny unboldmath
""")
)
DROPPED_WITH: Final = frozenset(listed("label color vspace cline require leftroot uproot"))
WRAPPERS: Final = {
    **dict.fromkeys(listed("cancel bcancel xcancel ensuremath boxed mathnormal mathinner smash vcenter"), 0),
    **dict.fromkeys(listed("mathclap mathllap mathrlap"), 0),
    **dict.fromkeys(listed("textcolor colorbox href"), 1),
    "fcolorbox": 2,
}
# Dropped macros and wrappers with an optional argument, such as a color model or the side to smash.
OPTION_DROPPED: Final = frozenset(listed("color textcolor colorbox fcolorbox smash"))
# Font switches, valid to the end of their group.
SWITCHES: Final = pairs(r"""
bf mathbf rm mathrm it mathit sf mathsf tt mathtt cal mathcal frak mathfrak bfseries mathbf
rmfamily mathrm scr mathscr
""")
# Negated relations.
NEGATIONS: Final = pairs(r"""
= neq < nless > ngtr in notin sim nsim subseteq nsubseteq leq nleq supseteq nsupseteq geq ngeq
le nleq ge ngeq mid nmid parallel nparallel exists nexists rightarrow nrightarrow
to nrightarrow
""")

NEGATABLE: Final = frozenset((*RELATIONS, *ORDINARY, *OPERATIONS))
# Operators after which every engine takes \limits; other nodes become one in \mathop.
TAKES_LIMITS: Final = frozenset((*BIG_OPERATORS, *FUNCTIONS, "mathop"))

# Environments and their replacements; "" is the body alone.
ENVIRONMENTS: Final = {
    **dict.fromkeys(listed("equation displaymath math subequations"), ""),
    **dict.fromkeys(listed("align aligned eqnarray alignat alignedat flalign xalignat"), "aligned"),
    "subarray": "substack",
    **dict.fromkeys(listed("gather gathered multline multlined"), "gathered"),
    **dict.fromkeys(listed("split alignedat xxalignat"), "aligned"),
    **dict.fromkeys(("cases", "dcases"), "cases"),
    **dict.fromkeys(("rcases", "drcases"), "rcases"),
    **{name: name for name in listed("array smallmatrix matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix")},
    **dict.fromkeys(
        listed("psmallmatrix bsmallmatrix Bsmallmatrix vsmallmatrix Vsmallmatrix"), "smallmatrix"
    ),
}
# Environments with a vertical position in square brackets, and those whose second column is text.
POSITIONED: Final = frozenset(listed("aligned alignedat gathered split array multlined"))
TEXT_ENVIRONMENTS: Final = frozenset(listed("cases* dcases* rcases* drcases*"))
SMALL_FENCES: Final = {
    "p": ("(", ")"),
    "b": ("[", "]"),
    "B": (r"\{", r"\}"),
    "v": ("|", "|"),
    "V": (r"\Vert", r"\Vert"),
}
DELIMITER_PAIRS: Final = {
    "(": ")",
    "[": "]",
    **pairs("{ } langle rangle lfloor rfloor lceil rceil lgroup rgroup lmoustache rmoustache"),
}
DELIMITER_SIGNS: Final = frozenset("()[]|./<>")
DELIMITERS: Final = frozenset(
    listed("""
Downarrow Uparrow Updownarrow Vert backslash downarrow langle lceil lfloor rangle rceil rfloor
uparrow updownarrow vert { } lgroup rgroup lmoustache rmoustache
""")
)
