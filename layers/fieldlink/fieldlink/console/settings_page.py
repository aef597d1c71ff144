"""Rule: what the form about what is written offers to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fieldlink.connecting import checking, habits
from fieldlink.models import Category, Kind
from fieldlink.practice import CATEGORIES
from fieldlink.records import Capabilities
from fieldlink.writing import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fieldlink.connecting.habits import Habits
    from fieldlink.connecting.settings import Form
    from fieldlink.ports import State
    from fieldlink.records import Connection

FACTS = {
    Kind.ON_THE_WAY: "sets off (button)",
    Kind.ARRIVED: "arrives at the place",
    Kind.CHECKED_IN: "checks in (button)",
    Kind.CANCELLED: "cancels (button)",
    Kind.CHECKED_OUT: "checks out (button)",
}


class Texts(NamedTuple):
    """Some of the texts that may be the connection's own."""

    title: str
    inputs: list[tuple[str, wording.Text]]  # each one's name, and what is shipped
    own: bool  # whether there is one that is not English


class Written(NamedTuple):
    """The form as it was typed, and what stands in its lists."""

    habits: Habits
    facts: list[tuple[str, str]]  # each input and its label
    categories: list[tuple[str, str]]  # each value and its text
    targets: list[tuple[str, str, str]]  # a category's text, and its two inputs
    texts: list[Texts]
    statuses: tuple[str, ...] = ()  # of the org, as far as they are known
    entry_types: tuple[str, ...] = ()
    task_statuses: tuple[str, ...] = ()


def words(form: Form, connection: Connection, state: State) -> dict[str, Any]:
    """What a page with the form of the settings needs for it."""
    able = state.read(Capabilities, connection.connection)
    return {"typed": form.typed, "written": written(form.habits, able)}


def written(typed: Habits, able: Capabilities | None) -> Written:
    """The form for what was typed, with the org's own words to pick from."""
    listed = able.listed if able else {}
    return Written(
        habits=typed,
        facts=[(habits.of_fact(kind), FACTS[kind]) for kind in CATEGORIES],
        categories=[
            (each.name, habits.TITLES[each]) for each in (Category.NONE, *habits.TARGETS)
        ],
        targets=[
            (habits.TITLES[each], habits.of_status(each), habits.of_passing(each))
            for each in habits.TARGETS
        ],
        texts=[
            _texts("Texts of your own", wording.TEXTS, typed),
            _texts("Texts of your own about outages", wording.OF_OUTAGES, typed),
        ],
        statuses=tuple(each.name for each in able.statuses) if able else (),
        entry_types=listed.get(checking.ENTRY_TYPES, ()),
        task_statuses=listed.get(checking.TASK_STATUSES, ()),
    )


def _texts(title: str, of: Mapping[str, wording.Text], typed: Habits) -> Texts:
    inputs = [(habits.of_word(key), text) for key, text in of.items()]
    return Texts(title, inputs, own=any(typed[name] for name, _ in inputs))
