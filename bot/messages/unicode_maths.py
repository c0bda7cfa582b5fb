"""A formula as readable Unicode characters, for messages that cannot show real ones."""


def unicode_tex(tex: str) -> str | None:
    """`tex` in Unicode; None where its source reads better."""
    return None if "\\" in tex or "{" in tex else tex
