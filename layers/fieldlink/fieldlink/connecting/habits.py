"""Rule: the form in which an operator says how work is to be written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from fieldlink.errors import Refused
from fieldlink.models import Category, Kind
from fieldlink.practice import CATEGORIES, Practice
from fieldlink.writing import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

type Habits = dict[str, str]  # what stands in each input, by the input's name

MOST_GRACE = 240  # minutes
MOST_JOIN = 480  # minutes: a working day
LONGEST_NAME = 80  # characters of a status or a type
CUSTOM_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}__c", re.ASCII)
# What a fact may set, and what a status may be named for: nothing leads back to the start.
TARGETS = (
    Category.DISPATCHED,
    Category.IN_PROGRESS,
    Category.CANNOT_COMPLETE,
    Category.COMPLETED,
    Category.CANCELED,
)
TITLES = {
    Category.NONE: "no status",
    Category.SCHEDULED: "Scheduled",
    Category.DISPATCHED: "Dispatched",
    Category.IN_PROGRESS: "In Progress",
    Category.CANNOT_COMPLETE: "Cannot Complete",
    Category.COMPLETED: "Completed",
    Category.CANCELED: "Canceled",
}


def _choices(name: str) -> tuple[str, ...]:
    return get_args(Practice.model_fields[name].annotation)


CHOICES = {
    name: _choices(name)
    for name in (
        "arrival_by",
        "complete_by",
        "several",
        "time_sheets",
        "sheet_period",
        "activity",
        "distance_unit",
    )
}


def habits_of(practice: Practice) -> Habits:
    """The form as the settings stand."""
    reached = practice.categories
    return {
        **{of_fact(kind): reached.get(kind, Category.NONE).name for kind in CATEGORIES},
        **{of_status(each): practice.statuses.get(each, "") for each in TARGETS},
        **{of_passing(each): practice.through.get(each, "") for each in TARGETS},
        **{of_word(key): practice.words.get(key, "") for key in wording.ENGLISH},
        **{name: str(getattr(practice, name)) for name in CHOICES},
        "exit_grace": str(practice.exit_grace),
        "join": str(practice.join),
        "work_type": practice.work_type,
        "travel_type": practice.travel_type,
        "task_status": practice.task_status,
        "distance_field": practice.distance_field,
    }


def filled(habits: Habits, form: Mapping[str, str]) -> Habits:
    """The form with what was typed; an input that is not sent stays as it is."""
    return {name: form.get(name, text) for name, text in habits.items()}


def checked_habits(typed: Habits) -> Practice:
    """The settings that were typed. Refused, in a sentence, if they can't be meant so."""
    for name, allowed in CHOICES.items():
        if typed[name] not in allowed:
            raise Refused(f"Choose one of {', '.join(allowed)}.")
    field = typed["distance_field"].strip()
    if field and not CUSTOM_FIELD.fullmatch(field):
        raise Refused("The field for the distance is a custom field, as Travel_Distance__c.")
    return Practice.model_validate(
        {
            **{name: typed[name] for name in CHOICES},
            "categories": {kind: _category(typed[of_fact(kind)]) for kind in CATEGORIES},
            "statuses": _names(typed, {each: of_status(each) for each in TARGETS}),
            "through": _names(typed, {each: of_passing(each) for each in TARGETS}),
            "words": _words(typed, wording.EVERY),
            "exit_grace": _minutes(typed["exit_grace"], 1, MOST_GRACE, "confirm an exit after"),
            "join": _minutes(typed["join"], 0, MOST_JOIN, "count a break as work up to"),
            **_needed(typed),
            "distance_field": field,
        }
    )


def of_fact(kind: Kind) -> str:
    """The input for the category that a fact sets."""
    return f"category.{kind.name}"


def of_status(category: Category) -> str:
    """The input for the org's own status of a category."""
    return f"status.{category.name}"


def of_passing(category: Category) -> str:
    """The input for the status that is passed on the way to a category."""
    return f"through.{category.name}"


def of_word(key: str) -> str:
    """The input for a text of the connection's own."""
    return f"word.{key}"


def _category(name: str) -> Category:
    if name not in {each.name for each in (Category.NONE, *TARGETS)}:
        raise Refused("Choose what a fact sets from its list.")
    return Category[name]


def _names(typed: Habits, inputs: Mapping[Category, str]) -> dict[Category, str]:
    """What was named; what was left empty is not."""
    found = {category: typed[name].strip() for category, name in inputs.items()}
    return {category: _line(text, LONGEST_NAME) for category, text in found.items() if text}


def _words(typed: Habits, texts: Mapping[str, wording.Text]) -> dict[str, str]:
    found = {key: typed[of_word(key)].strip() for key in texts}
    return {key: _word(text, texts[key]) for key, text in found.items() if text}


def _word(text: str, shipped: wording.Text) -> str:
    """What stands in braces is filled in only if it is so in the English text, too."""
    known = set(wording.BLANK.findall(shipped.english))
    unknown = [each for each in wording.BLANK.findall(text) if each not in known]
    if unknown:
        raise Refused(f"Nothing can be filled in for {{{unknown[0]}}} in “{text}”.")
    return _line(text, shipped.longest)


def _needed(typed: Habits) -> dict[str, Any]:
    """Names that nothing else stands in for: an empty one is the one to begin with."""
    names = ("work_type", "travel_type", "task_status")
    found = {name: _line(typed[name].strip(), LONGEST_NAME) for name in names}
    return {name: text for name, text in found.items() if text}


def _line(text: str, longest: int) -> str:
    if len(text) > longest or not text.isprintable():
        raise Refused(f"A name or text has one line of at most {longest} characters.")
    return text


def _minutes(text: str, least: int, most: int, what: str) -> int:
    short = text.isascii() and text.isdigit() and len(text) < 7
    if not short or not least <= int(text) <= most:
        raise Refused(f"The minutes to {what} are {least} to {most}.")
    return int(text)
