"""What a page says of outages, batteries and clocks."""

from __future__ import annotations

from html import escape
from typing import Any

from fieldlink.connecting import settings
from fieldlink.console import overview, settings_page
from fieldlink.console.letters import page
from fieldlink.records import Device, Outage
from fieldlink.trouble import causes, troubles
from tests.fakes import NOON, FakeState
from tests.make import CONNECTION, DEVICE, RESOURCE, at, connection, resource, worker

REASON = "sdk_killed_by_user"


def outage(who: str = RESOURCE, **more: Any) -> Outage:
    fields = {"device": DEVICE, "reason": REASON, "since": NOON, **more}
    return Outage.model_validate({"connection": CONNECTION, "resource": who, **fields})


def test_those_that_last_come_first_and_say_what_to_do() -> None:
    state = FakeState()
    people = {"Ada": {"ended_at": at(13, 5)}, "Bob": {}, "Cleo": {"since": at(15)}, "Dan": {}}
    for number, (name, more) in enumerate(people.items()):
        state.write_all([resource(id=str(number), name=name), outage(str(number), **more)])
    state.write_all([outage("3", since=None)])

    shown = troubles.outages(CONNECTION, state)

    assert [(each.name, each.lasted) for each in shown] == [
        ("Cleo", ""),
        ("Bob", ""),
        ("Ada", "1 h 5 min"),
    ]
    assert (shown[0].words, shown[0].cure) == causes.REASONS[REASON]


def test_an_outage_of_a_phone_that_was_laid_aside_is_not_shown() -> None:
    state = FakeState()
    state.write_all([resource(), worker(device="another"), outage()])

    assert troubles.outages(CONNECTION, state) == []


def test_an_outage_lasts_a_minute_at_least() -> None:
    state = FakeState()
    state.write_all([resource(), outage(ended_at=NOON)])

    [shown] = troubles.outages(CONNECTION, state)

    assert shown.lasted == "1 min"


def test_what_is_wrong_with_a_phone_stands_with_its_person() -> None:
    state = FakeState()
    phone = Device(
        connection=CONNECTION,
        id=DEVICE,
        resource=RESOURCE,
        battery="low",
        battery_since=at(11),
        clock_off=-3600,
        clock_at=at(10),
    )
    state.write_all([resource(), worker(device=DEVICE), phone])

    [person] = overview.details(connection(), state, NOON)["people"]

    assert person.trouble == (
        "battery low since 2026-03-04 11:00 UTC; "
        "clock 60 min behind since 2026-03-04 10:00 UTC: its times are doubtful"
    )


def test_a_phone_that_is_well_says_nothing() -> None:
    assert troubles.of_phone(Device(connection=CONNECTION, id=DEVICE)) == []
    assert troubles.of_phone(None) == []


def test_the_page_shows_who_can_not_be_tracked() -> None:
    state = FakeState()
    state.write_all([resource(), outage(), resource(id="2", name="Bob")])
    state.write_all([outage("2", ended_at=at(12, 30))])

    html = page(
        "connection.html",
        connection=connection(),
        states={"connected": "Connected"},
        **settings_page.words(settings.form_of(connection()), connection(), state),
        ledger=[],
        **dict.fromkeys(("problem", "form_token", "webhook_url", "nudge_url", "nudge_key"), ""),
        **overview.details(connection(), state, NOON),
    )

    cause, [told, _] = causes.REASONS[REASON], html.split("What is written: status")
    assert told.count(escape(cause.words)) == 2
    assert told.count(escape(cause.cure)) == 1
    assert "still" in html
    assert "30 min" in html
