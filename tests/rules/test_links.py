"""The customer's link: in its field while it is offered, never over somebody else's words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.errors import Refused
from fieldlink.models import LINK_LENGTH, Ability, Fact, Kind, View, Writes
from fieldlink.practice import Practice
from fieldlink.records import Intent, Ours, Visit
from fieldlink.writing import links, writes
from fieldlink.writing.write_back import to_appointment
from tests.make import (
    APPOINTMENT,
    COLLEAGUE,
    CONNECTION,
    RESOURCE,
    World,
    at,
    delivered,
    fact,
    view,
)
from tests.rules.killing import every_death

LINK, OTHER = "https://trck.at/first", "https://trck.at/second"
ORDER, COLLEAGUES = "order-1", "order-2"
OFFERED = fact(Kind.LINK_OFFERED, at(8), link=LINK, order=ORDER)
WITHDRAWN = fact(Kind.LINK_WITHDRAWN, at(10), link=LINK, order=ORDER)
LEASE = timedelta(minutes=12)  # longer than any worker lives
NO_FIELD = {Ability.SHARE_LINK: "ServiceAppointment.Live_Link__c is read only"}


def field(held: str | None = None) -> View:
    return view(link_field=True, share_link=held)


def plan(
    told: Fact,
    *known: Fact,
    seen: View,
    ours: Ours | None = None,
    lacking: dict[Ability, str] | None = None,
) -> Writes:
    return writes.plan(told, known, seen, ours or Ours(), Practice(), lacking or {})


# ── in the field ──────────────────────────────────────────────────────────────


def test_a_link_that_is_offered_goes_into_its_field_and_not_into_the_activity() -> None:
    planned = plan(OFFERED, seen=field())

    assert planned.changes == {"share_link": LINK}
    assert (planned.event, planned.left_out) == (None, ())


def test_a_link_that_is_withdrawn_is_taken_out() -> None:
    planned = plan(WITHDRAWN, OFFERED, seen=field(LINK), ours=Ours(share_link=LINK))

    assert planned.changes == {"share_link": None}
    assert planned.event is None


@pytest.mark.parametrize("held", ["https://example.com/of-a-person", " "])
def test_what_a_person_has_written_stands(held: str) -> None:
    offered = plan(OFFERED, seen=field(held))
    withdrawn = plan(WITHDRAWN, OFFERED, seen=field(held), ours=Ours(share_link=LINK))

    assert (offered.changes, withdrawn.changes) == ({}, {})
    assert (offered.left_out, withdrawn.left_out) == ((links.ANOTHERS,), ())
    assert offered.event is None


def test_a_link_that_a_person_has_removed_is_not_written_again() -> None:
    planned = plan(fact(Kind.ARRIVED, at(9)), OFFERED, seen=field(), ours=Ours(share_link=LINK))

    assert "share_link" not in planned.changes


def test_a_newer_link_takes_the_place_of_ours() -> None:
    newer = fact(Kind.LINK_OFFERED, at(9), link=OTHER, order=ORDER)

    planned = plan(newer, OFFERED, seen=field(LINK), ours=Ours(share_link=LINK))

    assert planned.changes == {"share_link": OTHER}


def test_a_withdrawal_that_comes_late_leaves_the_newer_link() -> None:
    newer = fact(Kind.LINK_OFFERED, at(11), link=OTHER, order=ORDER)

    planned = plan(WITHDRAWN, OFFERED, newer, seen=field(OTHER), ours=Ours(share_link=OTHER))

    assert planned.changes == {}


def test_when_one_of_two_is_done_the_others_link_stands() -> None:
    colleagues = fact(
        Kind.LINK_OFFERED, at(7), link=OTHER, resource=COLLEAGUE, order=COLLEAGUES
    )

    planned = plan(WITHDRAWN, colleagues, OFFERED, seen=field(LINK), ours=Ours(share_link=LINK))

    assert planned.changes == {"share_link": OTHER}


def test_any_later_fact_puts_a_link_where_a_field_was_named_meanwhile() -> None:
    planned = plan(fact(Kind.ARRIVED, at(9)), OFFERED, seen=field())

    assert planned.changes["share_link"] == LINK


# ── in the Activity ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seen", "lacking"),
    [(view(), {}), (field(), NO_FIELD)],
    ids=["no field is named", "the field can't be written"],
)
def test_without_a_field_the_link_is_told_in_the_activity(
    seen: View, lacking: dict[Ability, str]
) -> None:
    planned = plan(OFFERED, seen=seen, lacking=lacking)

    assert planned.changes == {}
    assert planned.event
    assert planned.event.subject == "Live tracking: Ada Lovelace"
    assert LINK in planned.event.description
    assert planned.left_out == ()


@pytest.mark.parametrize(("seen", "lacking"), [(view(), {}), (field(), NO_FIELD)])
def test_without_a_field_a_withdrawal_writes_nothing(
    seen: View, lacking: dict[Ability, str]
) -> None:
    assert plan(WITHDRAWN, OFFERED, seen=seen, lacking=lacking).empty


def test_a_link_that_is_too_long_for_any_field_is_told_in_the_activity() -> None:
    long = fact(Kind.LINK_OFFERED, at(8), link=LINK.ljust(LINK_LENGTH + 1, "x"))

    planned = plan(long, seen=field())

    assert planned.changes == {}
    assert planned.event
    assert long.link in planned.event.description


def test_the_same_link_has_one_row_however_often_it_is_offered() -> None:
    again = fact(Kind.LINK_OFFERED, at(9), link=LINK, order=ORDER)

    assert plan(again, OFFERED, seen=view()).empty


# ── exactly once ──────────────────────────────────────────────────────────────


def offered() -> World:
    world = World()
    world.salesforce.link_field = True
    return world


def apply(world: World, *told: Fact) -> None:
    for each in told:
        to_appointment(delivered(each), world.desk)


def held(world: World) -> str | None:
    return world.salesforce.work[APPOINTMENT].share_link


def ours(world: World) -> Ours:
    visit = world.state.read(Visit, CONNECTION, APPOINTMENT)
    assert visit
    return visit.ours


def test_what_we_wrote_is_remembered_until_it_is_withdrawn() -> None:
    world = offered()

    apply(world, OFFERED)
    during = (held(world), ours(world).share_link)
    apply(world, WITHDRAWN)

    assert during == (LINK, LINK)
    assert (held(world), ours(world).share_link) == (None, None)


def test_a_worker_that_is_killed_leaves_the_link_to_the_next_one() -> None:
    for world, death in every_death(offered, lambda world: apply(world, OFFERED)):
        world.pass_time(LEASE)
        apply(world, OFFERED)
        world.pass_time(LEASE)
        apply(world, WITHDRAWN)

        assert held(world) is None, death
        assert ours(world).share_link is None, death
        assert world.salesforce.events == [], death


def test_the_ledger_does_not_hold_the_link() -> None:
    world = offered()

    apply(world, OFFERED, WITHDRAWN)

    assert LINK not in str([row.model_dump_json() for row in world.ledger.rows])


def test_what_a_dead_worker_wrote_is_known_for_ours() -> None:
    begun = Intent(
        delivered=delivered(OFFERED), since=at(9), meant=Ours(share_link=LINK), seen=at(0)
    )

    assert writes.finished(Ours(), begun, field(LINK)).share_link == LINK
    assert writes.finished(Ours(), begun, field()).share_link is None
    assert writes.finished(Ours(), begun, field("a person's")).share_link is None


def test_a_field_that_can_be_written_no_more_is_found_out_by_the_refusal() -> None:
    world = offered()
    world.salesforce.told = world.salesforce.told.model_copy(update={"lacking": NO_FIELD})

    with pytest.raises(Refused, match="read only"):
        apply(world, OFFERED)


# ── any order ─────────────────────────────────────────────────────────────────


@st.composite
def told(draw: st.DrawFn) -> list[Fact]:
    """Offers and withdrawals of two orders, whoever has them, each with a link of its own."""
    found = draw(
        st.lists(
            st.tuples(
                st.sampled_from([ORDER, COLLEAGUES]),
                st.integers(0, 50),
                st.booleans(),
                st.sampled_from([RESOURCE, COLLEAGUE]),
            ),
            min_size=1,
            max_size=6,
            unique_by=lambda each: each[:2],
        )
    )
    return [
        fact(
            Kind.LINK_OFFERED if offer else Kind.LINK_WITHDRAWN,
            at(8, minutes),
            resource=who,
            order=order,
            key=f"link-{number}",
            link=f"https://trck.at/{order}",
        )
        for number, (order, minutes, offer, who) in enumerate(found)
    ]


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data(), told())
def test_any_order_of_the_same_offers_ends_with_the_same_link(
    data: st.DataObject, facts: list[Fact]
) -> None:
    world = offered()
    world.salesforce.assign(APPOINTMENT, COLLEAGUE)

    for each in data.draw(st.permutations([*facts, *facts[:2]])):
        apply(world, each)

    last = {each.order: each for each in sorted(facts, key=lambda each: each.at)}
    standing = {each.link for each in last.values() if each.kind is Kind.LINK_OFFERED}
    if standing:
        assert held(world) in standing
    else:
        assert held(world) is None
