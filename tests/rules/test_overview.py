"""What the console shows."""

from __future__ import annotations

from datetime import timedelta

from fieldlink.console import overview
from fieldlink.models import Category
from fieldlink.parking import Attempt, parked
from fieldlink.practice import Practice
from fieldlink.records import Capabilities, Gate, Listed, Watermark, WebhookTested
from tests.fakes import NOON, STATUSES, FakeState
from tests.make import CONNECTION, connection, resource


def test_connections_are_listed_by_name() -> None:
    state = FakeState()
    for name in ("beta", "Alpha", "gamma"):
        state.write(connection(connection=name, name=name))
        state.write(Listed(connection=name))

    assert [each.name for each in overview.connections(state)] == ["Alpha", "beta", "gamma"]


def test_a_connection_that_is_not_whole_is_not_listed() -> None:
    state = FakeState()
    state.write(connection())

    assert overview.connections(state) == []


def test_a_new_connection_shows_that_nothing_has_happened() -> None:
    shown = overview.details(connection(), FakeState(), NOON)

    assert not any(shown.values())


def test_what_has_happened_is_shown() -> None:
    state = FakeState()
    state.write(Watermark(connection=CONNECTION, at=NOON))
    state.write(WebhookTested(connection=CONNECTION, at=NOON))
    for number, cause in enumerate(("no right", "no row 1", "no row 2")):
        message = Attempt(CONNECTION, "events", str(number), "group", tries=1)
        state.write(parked(message, cause, now=NOON + timedelta(hours=number)))

    shown = overview.details(connection(), state, NOON)

    assert shown["watermark"] == shown["tested"] == "2026-03-04 12:00 UTC"
    assert [(each.number, each.first, each.last) for each in shown["parked"]] == [
        (2, "2026-03-04 13:00 UTC", "2026-03-04 14:00 UTC"),
        (1, "2026-03-04 12:00 UTC", "2026-03-04 12:00 UTC"),
    ]


def test_what_was_renamed_in_the_org_since_the_settings_named_it_is_shown() -> None:
    state = FakeState()
    practice = Practice(statuses={Category.COMPLETED: "Done"})
    state.write(Capabilities(connection=CONNECTION, checked_at=NOON, statuses=STATUSES))

    [told] = overview.details(connection(practice=practice), state, NOON)["forgotten"]

    assert "no “Done”" in told
    assert overview.details(connection(), state, NOON)["forgotten"] == []


def test_what_belongs_to_another_connection_is_not_shown() -> None:
    state = FakeState()
    state.write(resource(connection="another"))
    state.write(Watermark(connection="another", at=NOON))

    assert overview.details(connection(), state, NOON)["people"] == []
    assert overview.details(connection(), state, NOON)["watermark"] == ""


def test_our_share_of_a_small_org_is_shown_as_it_is_counted() -> None:
    gate = Gate(connection=CONNECTION, used=300, allowed=15_000, ours=288, seen_at=NOON)

    shown = overview.calls(gate, connection(quota_share=1))

    assert shown[0] == "288 of our share of 576; the whole org 300 of 15000"
