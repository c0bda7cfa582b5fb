"""How much of a post may be kept: its excerpt up to the author's fold, never the body."""

LONGEST = 1000
"""Characters kept of a post that shows no fold. The author's own excerpts have about 300 to 700."""


def bounded(text: str) -> str:
    """The leading lines of a text that fit into LONGEST characters; of a longer first line, its beginning."""
    if len(text) <= LONGEST:
        return text
    end = text.rfind("\n", 0, LONGEST + 1)
    return text[:end].rstrip() if end > 0 else text[:LONGEST]
