"""Rule: the link by which a customer follows a resource, in a field of the appointment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.models import LINK_LENGTH, Ability, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fieldlink.models import Changes, Fact, View
    from fieldlink.records import Ours

LINKS = {Kind.LINK_OFFERED, Kind.LINK_WITHDRAWN}
ANOTHERS = "no share link: somebody else has filled its field"


def change(
    fact: Fact,
    facts: Iterable[Fact],
    view: View,
    ours: Ours,
    lacking: Mapping[Ability, str],
) -> tuple[Changes, tuple[str, ...]]:
    """What to write into the field, if it is empty or holds our own; or why nothing.

    A link of ours that a person has removed is not written again.
    """
    told = [each for each in facts if each.kind in LINKS]
    if not told or not _field(view, lacking):
        return {}, ()
    wanted, held = standing(told), view.share_link or None
    if wanted in {held, ours.share_link}:
        return {}, ()
    if held not in {None, ours.share_link}:
        return {}, (ANOTHERS,) if wanted and fact.kind in LINKS else ()
    return {"share_link": wanted}, ()


def standing(told: Iterable[Fact]) -> str | None:
    """Of the links that are offered now, each order's own, the last one."""
    last: dict[str, Fact] = {}
    for each in sorted(told, key=lambda each: (each.at, each.kind, each.key)):
        last.pop(each.order or each.resource, None)  # an order keeps its link when it moves on
        last[each.order or each.resource] = each
    offered = [each.link for each in last.values() if each.kind is Kind.LINK_OFFERED]
    return next((link for link in reversed(offered) if 0 < len(link) <= LINK_LENGTH), None)


def untold(fact: Fact, known: Iterable[Fact]) -> str:
    """Why a link is not told, given what is known of the appointment; "" if it is."""
    if fact.kind not in LINKS:
        return ""
    of_order = [each for each in known if each.kind in LINKS and each.order == fact.order]
    later = any((each.at, each.kind) >= (fact.at, fact.kind) for each in of_order)
    return "a later word is known" if later else ""


def row_wanted(
    fact: Fact, facts: Iterable[Fact], view: View, lacking: Mapping[Ability, str]
) -> bool:
    """Whether a link needs a row in the Activity: no field takes it, and it has none yet."""
    if _field(view, lacking) and len(fact.link) <= LINK_LENGTH:
        return False
    others = (each for each in facts if each.key != fact.key)
    return not any(each.kind is fact.kind and each.link == fact.link for each in others)


def _field(view: View, lacking: Mapping[Ability, str]) -> bool:
    return view.link_field and Ability.SHARE_LINK not in lacking
