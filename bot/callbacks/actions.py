"""The ways through the archive: lists, names, words, dates. Which posts are found there is not known here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latest:
    page: int = 1


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """With a `destination`: to choose what that chat is subscribed to."""

    page: int = 1
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class TagIndex:
    page: int = 1
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class CategoryIndex:
    page: int = 1


@dataclass(frozen=True, slots=True)
class ShowScope:
    """One series, tag or category with its posts."""

    scope: int
    page: int = 1


@dataclass(frozen=True, slots=True)
class AskSearch:
    """Ask for the words to search for."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`phrase` is the number under which the words are kept."""

    phrase: int
    page: int = 1


@dataclass(frozen=True, slots=True)
class Archive:
    """Years; with `year` its months; with `month` the posts."""

    year: int | None = None
    month: int | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Random:
    pass


@dataclass(frozen=True, slots=True)
class Hot:
    page: int = 1


BrowsingAction = (
    Latest | SeriesIndex | TagIndex | CategoryIndex | ShowScope | AskSearch | SearchPage | Archive
    | Random | Hot
)  # fmt: skip
