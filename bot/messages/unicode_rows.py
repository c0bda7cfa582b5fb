"""Rows and columns of a formula in text: one line each, or all in one line."""

from bot.messages.tex import TexError


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
