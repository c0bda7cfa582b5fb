"""What the symbols of mathematics look like: macros without arguments that every Telegram client can show.

Tables only. The lists were made by trying snippets in JLaTeXMath, whose ports draw formulas on Android and
Desktop, and in Temml, which the web clients use.
"""

from typing import Final


def listed(words: str) -> list[str]:
    """The words of a list."""
    return words.split()


def pairs(table: str) -> dict[str, str]:
    """The words of `table`, two by two."""
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
checkmark ✓ complement ∁ mho ℧ beth ℶ gimel ℷ daleth ℸ dagger † ddagger ‡ S § P ¶ ldots … cdots ⋯
vdots ⋮ ddots ⋱ colon : backslash \ langle ⟨ rangle ⟩ lceil ⌈ rceil ⌉ lfloor ⌊ rfloor ⌋ vert |
Vert ‖ ulcorner ⌜ urcorner ⌝ llcorner ⌞ lrcorner ⌟ { { } } % % # # _ _ $ $ & &
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
nrightarrow ↛ nleftarrow ↚ nRightarrow ⇏ dashrightarrow ⇢ upuparrows ⇈ downdownarrows ⇊ multimap ⊸
""")
OPERATIONS: Final = pairs(r"""
pm ± mp ∓ times × div ÷ cdot ⋅ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘
odot ⊙ cup ∪ cap ∩ uplus ⊎ sqcup ⊔ sqcap ⊓ vee ∨ lor ∨ wedge ∧ land ∧ setminus ∖ smallsetminus ∖
wr ≀ amalg ⨿ diamond ⋄ bigtriangleup △ bigtriangledown ▽ triangleleft ◁ triangleright ▷ dotplus ∔
boxplus ⊞ boxminus ⊟ boxtimes ⊠ boxdot ⊡ ltimes ⋉ rtimes ⋊ veebar ⊻ barwedge ⊼ circledast ⊛
circledcirc ⊚ Cup ⋓ Cap ⋒ centerdot ·
""")
BIG_OPERATORS: Final = pairs(r"""
sum ∑ prod ∏ coprod ∐ int ∫ iint ∬ iiint ∭ oint ∮ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigodot ⨀
bigvee ⋁ bigwedge ⋀ bigsqcup ⨆ biguplus ⨄
""")
FUNCTIONS: Final = {
    name: name
    for name in listed("""
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim ln log max min
Pr sec sin sinh sup tan tanh
""")
} | {"liminf": "lim inf", "limsup": "lim sup"}
SPACES: Final = {
    ",": " ",
    ":": " ",
    ";": " ",
    " ": " ",
    "quad": "  ",
    "qquad": "   ",
    "!": "",
    "/": "",
    ">": " ",
}
# What changes how something is drawn, but has no look of its own.
SILENT: Final = frozenset(
    listed("""
Big Bigg Biggl Biggr Bigl Bigr big bigg biggl biggr bigl bigr displaystyle hline limits nolimits
scriptscriptstyle scriptstyle textstyle
""")
)
SIMPLE: Final = {**ORDINARY, **RELATIONS, **OPERATIONS, **BIG_OPERATORS, **FUNCTIONS, **SPACES}
