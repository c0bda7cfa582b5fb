"""Rows and columns of a formula in text: one line each, or all in one line. Knows cells that are written."""

from typing import Final

from bot.messages.tex import TexError

_BRACKETS: Final = {"": "", "p": "()", "b": "[]", "B": "{}", "v": "||", "V": "‖‖", "small": ""}


def rows_in_lines(cells: list[list[str]]) -> str:
    """One line for each row: aligned equations, tables."""
    return "\n".join(" ".join(cell for cell in row if cell) for row in cells)


def rows_in_line(cells: list[list[str]], column: str, *, between: str = "; ", most: int = 6) -> str:
    """All rows in one line; raises TexError for more than `most` rows or columns."""
    if len(cells) > most or any(len(row) > most for row in cells):
        raise TexError("a large matrix")
    if (
        column == " "
        and any(" " in cell for row in cells for cell in row)
        and any(len(row) > 1 for row in cells)
    ):
        column = ", " if most == 4 else " "
    return between.join(column.join(cell.strip(",; ") for cell in row if cell.strip()) for row in cells)


def in_line(environment: str, cells: list[list[str]]) -> str:
    """An environment among others in a line, with its brackets."""
    if environment == "cases":
        return "{ " + rows_in_line(cells, ", ") + " }"
    if environment.endswith("matrix"):
        brackets = _BRACKETS[environment.removesuffix("matrix")]
        return brackets[:1] + rows_in_line(cells, " ", most=4) + brackets[1:]
    return rows_in_line(cells, " ")
