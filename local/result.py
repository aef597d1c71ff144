"""What Salesforce holds at the end of the day, as a table, and whether it is right."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from local.day import FENCED, Line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.salesforce import FakeSalesforce

HEADER = (
    "appointment",
    "resource",
    "status",
    "arrival",
    "departure",
    "minutes on site",
    "travel",
)


class Found(NamedTuple):
    """An appointment as Salesforce has it, and the minutes of travel to it."""

    line: Line
    travel: float | None


def found(salesforce: FakeSalesforce) -> dict[str, Found]:
    """Every appointment by its subject."""
    names = {each["Id"]: each["Name"] for each in salesforce.rows("ServiceResource")}
    assigned = {
        each["ServiceAppointmentId"]: each for each in salesforce.rows("AssignedResource")
    }
    events = sorted(salesforce.rows("Event"), key=lambda each: each["StartDateTime"])
    result = {}
    for row in salesforce.rows("ServiceAppointment"):
        work = assigned.get(row["Id"], {})
        line = Line(
            resource=names.get(work.get("ServiceResourceId"), ""),
            status=row["Status"],
            arrival=_time(row["ActualStartTime"]),
            departure=_time(row["ActualEndTime"]),
            minutes=_minutes(row),
            visit=_visit(each["Subject"] for each in events if each["WhatId"] == row["Id"]),
        )
        result[row["Subject"]] = Found(line, work.get("ActualTravelTime"))
    return result


def table(rows: dict[str, Found]) -> str:
    """Aligned columns."""
    cells = [HEADER, *(_cells(subject, each) for subject, each in rows.items())]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def differences(rows: dict[str, Found], wanted: dict[str, Line]) -> list[str]:
    """Where the day ended otherwise than it should have."""
    return [
        f"{subject}: is {rows[subject].line}, should be {line}"
        for subject, line in wanted.items()
        if rows[subject].line != line
    ]


def _cells(subject: str, each: Found) -> tuple[str, ...]:
    line, travel = each
    minutes = "" if line.minutes is None else str(line.minutes)
    way = "" if travel is None else f"{travel:g} min"
    return (subject, line.resource, line.status, line.arrival, line.departure, minutes, way)


def _visit(subjects: Iterable[str]) -> tuple[str, ...]:
    """Of what the Activity tells, in order of time, that somebody came and went."""
    named = [subject.partition(":")[0] for subject in subjects]
    return tuple(each for each in named if each in FENCED)


def _time(text: str | None) -> str:
    return f"{datetime.fromisoformat(text):%H:%M}" if text else ""


def _minutes(row: dict[str, Any]) -> int | None:
    if not (row["ActualStartTime"] and row["ActualEndTime"]):
        return None
    start, end = (
        datetime.fromisoformat(row[f"Actual{which}Time"]) for which in ("Start", "End")
    )
    return int((end - start).total_seconds() // 60)
