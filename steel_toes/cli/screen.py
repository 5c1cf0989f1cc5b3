"""Tables for people. They fit the terminal: what has no place in a row is shown beneath it, and no path is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from steel_toes.redaction import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = "  "
_LEAST_TERMINAL = 40
_LEAST = 6  # characters of a cell: in fewer nobody reads anything


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        title: above it.
        rank: where there is no room for all, that with the highest is shown beneath the row; 0 stays.
        styles: of its cells, by their texts, on a terminal that has colours.
        usual: texts that are left out where there is no room: the other columns say as much.
    """

    title: str
    rank: int = 0
    styles: Mapping[str, str] = field(default_factory=dict)
    usual: frozenset[str] = frozenset({""})


class Beneath(NamedTuple):
    """A line beneath a row: what it is, and a path, which is never broken."""

    label: str
    text: str


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Args:
        cells: one for each column; None is empty.
        beneath: what is shown beneath it if somebody asks for paths.
    """

    cells: Sequence[Any]
    beneath: Sequence[Beneath] = ()


@dataclass(frozen=True)
class Table:
    """Data as people read it."""

    columns: Sequence[Column]
    rows: Sequence[Row]


def rendered(table: Table, console: Console, shows_beneath: bool) -> str:
    """A table as text of the console's width, without a last line end."""
    # In less there is no table; the terminal itself breaks the lines.
    console.width = max(console.width, _LEAST_TERMINAL)
    texts = [list(map(_text_of, row.cells)) for row in table.rows]
    layout = _Layout.of(table.columns, texts, console)
    lines = layout.line_of([_styled(column.title, "bold") for column in table.columns])
    for row, cells in zip(table.rows, texts, strict=True):
        lines += layout.line_of(list(map(_cell, table.columns, cells)))
        lines += layout.left_over(cells)
        if shows_beneath:
            lines += _paths_beneath(row, console.width)
    with console.capture() as capture:
        for line in lines:
            console.print(line, soft_wrap=True)
    return "\n".join(map(str.rstrip, capture.get().splitlines()))


@dataclass(frozen=True)
class _Layout:
    """Which columns stand side by side, and how wide they are.

    Args:
        columns: of the table.
        shown_indices: the indices of those for which there is room.
        widths: of these.
        console: that shows them.
    """

    columns: Sequence[Column]
    shown_indices: Sequence[int]
    widths: Sequence[int]
    console: Console

    @classmethod
    def of(cls, columns: Sequence[Column], texts: Sequence[Sequence[str]], console: Console) -> _Layout:
        """The layout of a table whose cells have these texts."""
        by_column = []
        for index, column in enumerate(columns):
            by_column.append([column.title, *(cells[index] for cells in texts)])
        shown_indices = _kept(columns, by_column, console.width)
        widths = _widths([by_column[index] for index in shown_indices], console.width)
        return cls(columns, shown_indices, widths, console)

    def line_of(self, cells: Sequence[Text]) -> list[Text]:
        """The lines of a row."""
        return _lines_of([cells[index] for index in self.shown_indices], self.widths, self.console)

    def left_over(self, cells: Sequence[str]) -> list[Text]:
        """The lines beneath a row: the cells for which it has no room."""
        lines = []
        for index, column in enumerate(self.columns):
            if index not in self.shown_indices and cells[index] not in column.usual:
                lines += _wrapped_beneath(column.title, cells[index], self.console)
        return lines


def _text_of(cell: Any) -> str:
    # A row is one line: a name from a record must not look like another row.
    return "" if cell is None else shown(str(cell)).replace("\n", "\\n")


def _styled(text: str, style: str) -> Text:
    from rich.text import Text

    # Not markup: a branch may be named `[red]`.
    return Text(text, style=style)


def _cell(column: Column, text: str) -> Text:
    return _styled(text, column.styles.get(text, ""))


def _kept(columns: Sequence[Column], texts: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns for which there is room, by their indices."""
    shown_indices = list(range(len(columns)))
    while _least_total([texts[index] for index in shown_indices]) > width:
        last = max(shown_indices, key=lambda index: columns[index].rank)
        if not columns[last].rank:
            break
        shown_indices.remove(last)
    return shown_indices


def _least_total(columns: Sequence[Sequence[str]]) -> int:
    return sum(map(_least_width, columns)) + len(_GAP) * (len(columns) - 1)


def _least_width(texts: Sequence[str]) -> int:
    """The width of a column in which no word is broken."""
    words = [word for text in texts for word in text.split()]
    return max([_LEAST, *map(_length, words)])


def _length(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _widths(columns: Sequence[Sequence[str]], width: int) -> list[int]:
    """The width of each column: as much as its longest text needs, as far as there is room."""
    widths = list(map(_least_width, columns))
    room = width - len(_GAP) * (len(columns) - 1) - sum(widths)
    needs = [max(map(_length, texts)) - least for texts, least in zip(columns, widths, strict=True)]
    # Those that need little first, so that one long sentence does not fold all others.
    for index in sorted(range(len(columns)), key=lambda number: needs[number]):
        more = max(0, min(needs[index], room))
        widths[index] += more
        room -= more
    # A word that is longer than the terminal is broken: there is no other way.
    if room < 0:
        longest = max(range(len(widths)), key=lambda number: widths[number])
        widths[longest] = max(_LEAST, widths[longest] + room)
    return widths


def _lines_of(cells: Sequence[Text], widths: Sequence[int], console: Console) -> list[Text]:
    """The lines of a row, in which each cell is wrapped at its words."""
    from rich.text import Text

    columns = [list(cell.wrap(console, width)) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for number in range(max(map(len, columns))):
        line = Text()
        for column, width in zip(columns, widths, strict=True):
            part = column[number].copy() if number < len(column) else Text()
            part.rstrip()
            part.append(" " * (width - part.cell_len))
            line.append_text(part)
            line.append(_GAP)
        line.rstrip()
        lines.append(line)
    return lines


def _wrapped_beneath(label: str, text: str, console: Console) -> list[Text]:
    """A cell for which its row has no room."""
    start = f"{_GAP}{label}:"
    width = _length(start)
    rest = console.width - width - len(_GAP)
    return _lines_of([_styled(start, "dim"), _styled(text, "")], [width, rest], console)


def _paths_beneath(row: Row, width: int) -> list[Text]:
    """What is beneath a row; a long path on a line of its own, so that whoever copies it gets it and nothing else."""
    lines = []
    for label, text in row.beneath:
        path = _text_of(text)
        start = f"{_GAP}{label}".rstrip()
        if _length(f"{start} {path}") <= width:
            lines.append(_styled(f"{start} {path}", "dim"))
            continue
        if label:
            lines.append(_styled(start, "dim"))
        lines.append(_styled(path, "dim"))
    return lines
