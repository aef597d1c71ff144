"""The words that we write into Salesforce; a connection may have its own.

The line at the end of each row, by which it is found again, is not among them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fieldlink.trouble import causes

if TYPE_CHECKING:
    from fieldlink.practice import Practice

BLANK = re.compile(r"\{(\w+)\}")
SUBJECT, FIRST = "beginning of the subject: ", "first line: "


class Text(NamedTuple):
    """A text as shipped, and what it is for; {…} is filled in."""

    english: str
    purpose: str
    longest: int = 120  # characters of one of the connection's own: a subject has a name, too


TEXTS = {
    "subject_arrived": Text("Arrived", f"{SUBJECT}somebody arrived"),
    "subject_left": Text("Left", f"{SUBJECT}somebody left"),
    "subject_checked_out": Text("Checked out", f"{SUBJECT}somebody checked out"),
    "subject_expected": Text("Expected", f"{SUBJECT}when somebody will arrive"),
    "subject_delayed": Text("Delayed", f"{SUBJECT}somebody will be late"),
    "subject_link": Text("Live tracking", f"{SUBJECT}a link to follow somebody"),
    "subject_refused": Text("Status not set", f"{SUBJECT}Salesforce refused a status"),
    "arrived": Text("{who}: arrived", f"{FIRST}somebody arrived"),
    "left": Text("{who}: left", f"{FIRST}somebody left"),
    "checked_in": Text("{who}: checked in", f"{FIRST}somebody checked in"),
    "checked_out": Text("{who}: checked out", f"{FIRST}somebody checked out"),
    "on_the_way": Text("{who}: on the way", f"{FIRST}somebody set out"),
    "cancelled": Text("{who}: cancelled", f"{FIRST}somebody cancelled the visit"),
    "exit_confirmed": Text("{who}: left for good", f"{FIRST}somebody left and stayed away"),
    "expected": Text("{who}: expected", f"{FIRST}when somebody will arrive"),
    "delayed": Text("{who}: delayed", f"{FIRST}somebody will be late"),
    "link_offered": Text("{who}: link offered", f"{FIRST}a link to follow somebody"),
    "time": Text("Time: {time}", "when it happened"),
    "expected_at": Text("Expected at {time}", "an estimate"),
    "late": Text("Delayed: expected at {time}", "a delay, the plan not being known"),
    "late_for": Text("Delayed: expected at {time}, was planned for {planned}", "a delay"),
    "cause": Text("Cause: {cause}", "why it is estimated anew"),
    "cause_first_eta": Text("the first estimate", "a cause"),
    "cause_position_update": Text("progress on the way", "a cause"),
    "cause_traffic_update": Text("traffic", "a cause"),
    "cause_route_change": Text("another route", "a cause"),
    "cause_n_minutes_away": Text("almost there", "a cause"),
    "distance": Text("Travel distance: {distance}", "the way there, in km or mi"),
    "travel_time": Text("Travel time: {minutes} min", "the way there"),
    "idle_time": Text("Idle time on the way: {minutes} min", "standstill on the way there"),
    "on_site": Text("Time on site: {minutes} min", "from the arrival to the departure"),
    "doubt": Text(
        "The phone's clock was changed: times may be wrong.", "a clock that was wrong"
    ),
    "doubt_by": Text(
        "The phone's clock was changed by {minutes} min: times may be wrong.",
        "a clock that was wrong, and by how much is known",
    ),
    "refused": Text("The status was not set: {why}", "what Salesforce refused, in its words"),
    "link": Text("To follow on a map: {link}", "the link"),
    "note": Text("Note: {note}", "what somebody wrote with a check-out"),
    "photos": Text("Photos: {photos}", "ids of photos"),
    "sheet_visit": Text("Site visit", "subject of a time sheet entry of work"),
    "sheet_travel": Text("Travel", "subject of a time sheet entry of a trip"),
}
# What a dispatcher is told of an outage.
OF_OUTAGES = {
    "subject_outage": Text("Not tracked", f"{SUBJECT}somebody can't be tracked"),
    "outage": Text("{who} has not been tracked since {time}.", "first line"),
    "outage_cause": Text("Cause: {cause}", "why"),
    "outage_cure": Text("What to do: {cure}", "what helps"),
    "notice": Text("{number}: {who} is not tracked", "subject of a notice by mail"),
    "notice_appointment": Text("Appointment: {number}", "last but one line of a notice"),
    "notice_connection": Text("Connection: {name}", "last line of a notice"),
    **{f"cause_of_{name}": Text(of.words, name, 250) for name, of in causes.ALL.items()},
    **{
        f"cure_of_{name}": Text(of.cure, f"cure, {name}", 250)
        for name, of in causes.ALL.items()
    },
}
EVERY = {**TEXTS, **OF_OUTAGES}
ENGLISH: dict[str, str] = {key: text.english for key, text in EVERY.items()}
TRANSLATABLE: dict[str, str] = {key: text.purpose for key, text in EVERY.items()}


def words(key: str, practice: Practice, **values: object) -> str:
    """The connection's own text, else the English one, with its blanks filled in."""
    text = practice.words.get(key) or ENGLISH[key]
    return BLANK.sub(lambda blank: str(values.get(blank[1], blank[0])), text)
