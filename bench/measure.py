"""Rounds of the two ways in turn, and what the figures say."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles
from typing import NamedTuple

Figures = Mapping[str, float]  # what was measured: in which unit ever


class Row(NamedTuple):
    """One line of the table."""

    row: str  # of what was agreed on, "P1" say
    what: str
    unit: str
    ours: Sequence[float]  # one a round
    peer: str
    theirs: Sequence[float]
    goal: float | None

    @property
    def ratio(self) -> float:
        return median(mine / other for mine, other in zip(self.ours, self.theirs, strict=True))

    @property
    def spread(self) -> tuple[float, float]:
        """The middle half of the rounds' ratios."""
        ratios = [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]
        low, _, high = quantiles(ratios, n=4, method="inclusive")
        return low, high

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "met" if self.ratio <= self.goal else "not met"

    def cells(self) -> list[str]:
        low, high = self.spread
        return [
            self.row,
            self.what,
            f"{median(self.ours):.1f} {self.unit}",
            self.peer,
            f"{median(self.theirs):.1f} {self.unit}",
            f"{self.ratio:.2f}",
            f"{low:.2f}-{high:.2f}",
            "" if self.goal is None else f"{self.goal:.2f}",
            self.verdict,
        ]


HEADINGS = ["", "what", "ours", "beside", "theirs", "ratio", "middle half", "goal", ""]


def in_turn(
    ways: Sequence[str], rounds: int, measure: Callable[[str], Figures]
) -> dict[str, list[Figures]]:
    """Each way once a round, so that whatever else the machine does hits all of them.

    A round more than asked for: in the first one files are read from the disk.
    """
    measured: dict[str, list[Figures]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way in ways if number % 2 else reversed(ways):
            figures = measure(way)
            if number:
                measured[way].append(figures)
    return measured


def table(rows: Sequence[Row]) -> str:
    """In columns, for a terminal."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
