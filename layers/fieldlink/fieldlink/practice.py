"""How a company wants its work written: settings of a connection, as they are to begin with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fieldlink.models import Category, Kind, Model

# How far a fact carries an appointment. Nothing carries it back.
CATEGORIES = {
    Kind.ON_THE_WAY: Category.DISPATCHED,
    Kind.ARRIVED: Category.IN_PROGRESS,
    Kind.CHECKED_IN: Category.IN_PROGRESS,
    Kind.CANCELLED: Category.CANNOT_COMPLETE,
    Kind.CHECKED_OUT: Category.COMPLETED,
}


class Practice(Model):
    """What is written for what, and in which words. Names of statuses, fields and types are the
    org's own and are checked when they are set.
    """

    # ── status ──
    categories: dict[Kind, Category] = Field(default=CATEGORIES)  # NONE: sets no status
    statuses: dict[Category, str] = Field(default={})  # else the category's default, or first
    # If Salesforce refuses to go to a category at once: the status to pass through.
    through: dict[Category, str] = Field(default={})
    arrival_by: Literal["geofence", "check_in"] = "geofence"
    complete_by: Literal["check_out", "exit"] = "check_out"  # exit: a confirmed one, too
    exit_grace: int = 10  # minutes without coming back that confirm an exit
    # Whose facts move the status: anybody's; the primary resource's; or it is complete only
    # when everybody who was there is done.
    several: Literal["first", "primary", "all"] = "first"
    join: int = 60  # minutes: a shorter time away, as for lunch, is within the work

    # ── time sheets ──
    time_sheets: Literal["none", "visits", "visits_and_travel"] = "visits"
    sheet_period: Literal["day", "week", "week_from_sunday", "month"] = "day"  # of a new sheet
    work_type: str = "Direct"
    travel_type: str = "Indirect"

    # ── Activity ──
    activity: Literal["events", "tasks"] = "events"
    task_status: str = "Completed"  # of a Task that tells a fact
    words: dict[str, str] = Field(default={})  # by the keys of `wording`; else English

    # ── fields of the org ──
    distance_field: str = ""  # API name of a number field of the appointment
    distance_unit: Literal["km", "mi"] = "km"
