"""Events: start and length must agree. Source: Object Reference, "Event"."""

from datetime import timedelta

from local.salesforce.errors import Refusal
from local.salesforce.store import Row
from local.salesforce.values import moment, stamp

LONGEST = timedelta(days=14)


def derive_event(row: Row, old: Row | None, *, multiday: bool) -> None:
    if row["IsAllDayEvent"]:
        return
    start = row["StartDateTime"] = _start(row, old)
    length = _length(row, old)
    if length < timedelta(0):
        raise _conflict("Event duration cannot be negative.")
    if length > (LONGEST if multiday else timedelta(days=1)):
        raise _conflict("Event duration can not be greater than the maximum allowed.")
    row["DurationInMinutes"] = int(length.total_seconds() // 60)
    row["EndDateTime"] = stamp(moment(start) + length)
    row["ActivityDateTime"] = start
    row["ActivityDate"] = start[:10]


def _start(row: Row, old: Row | None) -> str:
    """StartDateTime, or its older name ActivityDateTime; where both are set, they agree."""
    start, older = row["StartDateTime"], row["ActivityDateTime"]
    if old and start != old["StartDateTime"]:
        older = older if older != old["ActivityDateTime"] else None
    if start and older and start != older:
        raise _conflict("Start Date Time and Activity Date Time must be the same.")
    if not (start or older):
        missing = ["DurationInMinutes", "ActivityDateTime"]
        raise Refusal(
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(missing)}]",
            missing,
        )
    return str(start or older)


def _length(row: Row, old: Row | None) -> timedelta:
    minutes, end = row["DurationInMinutes"], row["EndDateTime"]
    if old and minutes != old["DurationInMinutes"] and end == old["EndDateTime"]:
        end = None
    if old and end != old["EndDateTime"] and minutes == old["DurationInMinutes"]:
        minutes = None
    if old and minutes == old["DurationInMinutes"] and end == old["EndDateTime"]:
        end = None  # only the start moved: the event keeps its length
    if minutes is None and end is None:
        missing = ["DurationInMinutes"]
        raise Refusal(
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{missing[0]}]",
            missing,
        )
    span = moment(end) - moment(row["StartDateTime"]) if end else None
    if span is not None and minutes is not None and span != timedelta(minutes=minutes):
        raise _conflict("Event duration conflicts with its start and end date-times.")
    return span if span is not None else timedelta(minutes=minutes)


def _conflict(message: str) -> Refusal:
    return Refusal("FIELD_INTEGRITY_EXCEPTION", message, ["DurationInMinutes"])
