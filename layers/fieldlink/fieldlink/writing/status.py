"""Rule: the status that an appointment's facts call for.

How far they carry it is a function of the *set* of facts. What is written besides depends on
what stands there: forward only, and never over a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fieldlink.models import Category, Fact, Kind
from fieldlink.writing import evenings, visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from fieldlink.models import View
    from fieldlink.practice import Practice
    from fieldlink.records import Ours

# For which kind's category a fact counts, if it ends nothing.
COUNTS_AS = {
    Kind.ON_THE_WAY: Kind.ON_THE_WAY,
    Kind.ARRIVED: Kind.ARRIVED,
    Kind.LEFT: Kind.ARRIVED,  # who left had been there, though we never heard of it
    Kind.CHECKED_IN: Kind.CHECKED_IN,
    Kind.CANCELLED: Kind.CANCELLED,
}
MOVING = COUNTS_AS.keys() | {Kind.CHECKED_OUT, Kind.EXIT_CONFIRMED}


class Decision(NamedTuple):
    """What to do about the status, and why."""

    status: str = ""  # the org's own word; "": it stays
    category: Category = Category.NONE  # that the facts call for
    through: str = ""  # to be passed first, if Salesforce refuses to go there at once
    rule: str = ""  # why, in plain words
    left_out: tuple[str, ...] = ()  # why it stays though the facts call for another


class Claim(NamedTuple):
    """How far one fact carries an appointment."""

    category: Category
    fact: Fact


def decide(facts: Iterable[Fact], view: View, ours: Ours, practice: Practice) -> Decision:
    """Forward only, and never over a later change by a person.

    Facts from before a person's own decision count no more. A closed appointment stays closed,
    unless it was we who closed it, as impossible, and now know better.
    """
    ahead = [
        each
        for each in _claims(facts, view, practice)
        if each.category.rank > view.category.rank
    ]
    wanted, since = _furthest(ahead), ours.overruled_at
    if wanted is None:
        return Decision()
    stays = Decision(category=wanted.category, left_out=_missing(wanted, view, practice))
    possible = [each for each in ahead if _name(each.category, view, practice)]
    told = _furthest(each for each in possible if not since or each.fact.at >= since)
    if possible and since and told is None:
        return _with(stays, f"somebody else has chosen one since then, at {_utc(since)}")
    if told is None:
        return stays
    if view.category.closed and view.status != ours.status:
        return _with(stays, f"it is closed as {view.status}")
    return stays._replace(
        status=_name(told.category, view, practice),
        through=_through(told.category, view, practice),
        rule=_rule(told, practice),
    )


def moving(facts: Iterable[Fact], view: View, practice: Practice) -> list[Fact]:
    """The facts that move status and times: everybody's, or only the primary resource's."""
    told = evenings.without(facts, view)
    primary = {each.resource for each in view.team if each.primary}
    if practice.several != "primary" or not primary:
        return told
    return [fact for fact in told if fact.resource in primary]


def completing(facts: Iterable[Fact], view: View, practice: Practice) -> list[Fact]:
    """The facts that complete the work: any of somebody who is done; or, where all must be, the
    last one of whoever was done last.
    """
    told = moving(facts, view, practice)
    by_resource = {
        name: [fact for fact in told if fact.resource == name]
        for name in {fact.resource for fact in told}
    }
    done = {name: visits.outs(own, practice) for name, own in by_resource.items()}
    found = visits.in_order(fact for own in done.values() for fact in own)
    if practice.several != "all":
        return found
    waited_for = (
        name
        for name, own in by_resource.items()
        if visits.stays(visits.in_order(own), practice) and _on_team(name, view)
    )
    return found[-1:] if all(done[name] for name in waited_for) else []


def _on_team(resource: str, view: View) -> bool:
    """Nobody waits for a resource whose work it is no more: it is not seen to leave."""
    return not view.team or any(each.resource == resource for each in view.team)


def _claims(facts: Iterable[Fact], view: View, practice: Practice) -> Iterator[Claim]:
    told = moving(facts, view, practice)
    for fact in told:
        kind = COUNTS_AS.get(fact.kind)
        if kind and (kind is not Kind.ARRIVED or practice.arrival_by == "geofence"):
            yield Claim(practice.categories.get(kind, Category.NONE), fact)
    completed = practice.categories.get(Kind.CHECKED_OUT, Category.NONE)
    yield from (Claim(completed, fact) for fact in completing(told, view, practice))


def _furthest(claims: Iterable[Claim]) -> Claim | None:
    """The furthest; of those that carry as far, the earliest."""
    by_time = sorted(claims, key=lambda each: visits.when(each.fact))
    return max(by_time, key=lambda each: each.category.rank, default=None)


def _with(stays: Decision, why: str) -> Decision:
    return stays._replace(left_out=(*stays.left_out, f"no status: {why}"))


def _missing(wanted: Claim, view: View, practice: Practice) -> tuple[str, ...]:
    """That the org has no word for it; what is less far may be written all the same."""
    if _name(wanted.category, view, practice):
        return ()
    chosen = practice.statuses.get(wanted.category)
    value = f"the value {chosen} of" if chosen else "a value of"
    lacks = f"the Status picklist of appointments lacks {value} category {wanted.category}"
    return (f"no status: {lacks}",)


def _name(category: Category, view: View, practice: Practice) -> str:
    """The org's own word: the one that was chosen, else its default, else its first."""
    chosen = practice.statuses.get(category)
    names = [
        each
        for each in view.statuses
        if each.category is category and chosen in {None, "", each.name}
    ]
    names.sort(key=lambda each: not each.default)
    return names[0].name if names else ""


def _through(category: Category, view: View, practice: Practice) -> str:
    """The status to pass, if that leads forward, too."""
    name = practice.through.get(category, "")
    ahead = (
        each.name != view.status
        and view.category.rank <= each.category.rank <= category.rank
        and not each.category.closed
        for each in view.statuses
        if each.name == name
    )
    return name if any(ahead) else ""


def _rule(wanted: Claim, practice: Practice) -> str:
    fact, category = wanted.fact, wanted.category
    kind, more = COUNTS_AS.get(fact.kind, Kind.CHECKED_OUT), ""
    if fact.kind is Kind.LEFT:
        more = "; who left had been there"
    if fact.kind is Kind.EXIT_CONFIRMED:
        more = f"; nobody came back within {practice.exit_grace} min"
    if practice.several == "primary":
        more += "; only the primary resource counts"
    if practice.several == "all" and kind is Kind.CHECKED_OUT:
        more += "; everybody who was there is done"
    told = f"'{fact.kind}' of {fact.resource} at {_utc(fact.at)}"
    return f"{told} calls for {category}, as set for '{kind}'{more}"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
