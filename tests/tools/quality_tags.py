"""How well tags are inferred: each post's tags from what the other posts teach, against the author's own."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

from bot.intake.tagging import Vocabulary, infer_tags, learn, seeds, tag_key
from tests.tools.shared import SHARED


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    title: str
    category: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Count a tag as right only if the author gave that post a tag with the same key."""

    posts: int
    right: int
    given: int
    real: int
    served: int  # posts that get at least one tag
    wrong: tuple[tuple[str, str], ...]  # title, the tag it should not have got

    @property
    def precision(self) -> float:
        return self.right / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.real


@cache
def rows() -> tuple[Row, ...]:
    lines = (SHARED / "data" / "tags.tsv").read_text().splitlines()[1:]
    fields = [line.split("\t") for line in lines]
    return tuple(
        Row(title=title, category=category or None, tags=tuple(tags.split(",")))
        for _, _, category, title, tags in fields
        if title
    )


@cache
def cross_validate(posts: tuple[Row, ...], folds: int, *, seeded: bool = True) -> Score:
    """Each fold is tagged by what the others teach; `seeded` adds the words of vocabulary.py."""
    right = given = real = served = 0
    wrong: list[tuple[str, str]] = []
    for fold in range(folds):
        others = [(row.title, "", row.tags) for index, row in enumerate(posts) if index % folds != fold]
        vocabulary = learn(others, seeds() if seeded else replace(seeds(), triggers={}))
        for row in posts[fold::folds]:
            found, true = _tag(vocabulary, row), {tag_key(tag) for tag in row.tags}
            right += len(found & true)
            given += len(found)
            real += len(true)
            served += bool(found)
            wrong.extend((row.title, tag) for tag in sorted(found - true))
    return Score(posts=len(posts), right=right, given=given, real=real, served=served, wrong=tuple(wrong))


def report() -> str:
    """The section of the quality report on tags."""
    posts = rows()
    scores = {
        "10 folds": cross_validate(posts, 10),
        "leave one out": cross_validate(posts, len(posts)),
        "leave one out, nothing but learnt words": cross_validate(posts, len(posts), seeded=False),
    }
    lines = [f"Inferred tags, {len(posts)} posts with a title and the author's tags (titles only)", ""]
    for name, score in scores.items():
        lines.append(
            f"  {name:40} precision {score.precision:.3f} ({score.right}/{score.given})"
            f"  recall {score.recall:.3f} ({score.right}/{score.real})  posts with a tag {score.served}"
        )
    wrong = scores["leave one out"].wrong
    worst = ", ".join(f"{tag} {count}" for tag, count in Counter(tag for _, tag in wrong).most_common(8))
    lines += ["", f"  wrong most often: {worst}", "  every wrong tag (leave one out):"]
    lines += [f"    {tag:16} {title}" for title, tag in wrong]
    return "\n".join(lines)


def _tag(vocabulary: Vocabulary, row: Row) -> set[str]:
    return {tag_key(tag) for tag in infer_tags(vocabulary, row.title, "", row.category)}
