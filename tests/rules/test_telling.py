"""What a dispatcher reads."""

import pytest

from fieldlink.models import Kind
from fieldlink.practice import Practice
from fieldlink.trouble import causes, telling
from fieldlink.writing import wording
from fieldlink.writing.activity import reference
from tests.make import APPOINTMENT, RESOURCE, appointment, at, connection, fact, resource, view

USUAL = Practice()
GERMAN = Practice(
    words={
        "subject_outage": "Nicht zu sehen",
        "outage": "{who} ist seit {time} nicht zu sehen.",
        "outage_cause": "Grund: {cause}",
        "outage_cure": "Abhilfe: {cure}",
        "cause_of_low_battery": "Der Akku ist fast leer.",
        "cure_of_low_battery": "Laden, dann die App öffnen.",
        "cause_of_not_listed": "HyperTrack nennt {reason}.",
        "notice": "{who} ist bei {number} nicht zu sehen",
        "notice_appointment": "Termin: {number}",
        "notice_connection": "Verbindung: {name}",
    }
)


def test_a_task_is_due_on_the_day_on_which_it_happened_there() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(23, 30), reason="low_battery")

    task = telling.task(told, view(time_zone="Europe/Berlin"), USUAL)

    assert task.due.isoformat() == "2026-03-05"
    assert "since 2026-03-05 00:30 Europe/Berlin." in task.description


def test_a_task_of_somebody_without_a_name_tells_the_id() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(12))

    task = telling.task(told, view(resource_name=""), USUAL)

    assert task.subject == f"Not tracked: {RESOURCE}"


def test_a_subject_fits() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(12))

    task = telling.task(told, view(resource_name="x" * 300), USUAL)

    assert len(task.subject) == 255


def test_every_word_of_a_task_may_be_the_connections_own_but_for_the_reference() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(12), reason="low_battery")

    task = telling.task(told, view(), GERMAN)

    assert task.subject == "Nicht zu sehen: Ada Lovelace"
    assert task.description.splitlines() == [
        "Ada Lovelace ist seit 2026-03-04 12:00 UTC nicht zu sehen.",
        "Grund: Der Akku ist fast leer.",
        "Abhilfe: Laden, dann die App öffnen.",
        reference(told.key),
    ]
    assert task.key == telling.task(told, view(), USUAL).key


@pytest.mark.parametrize("reason", [*causes.REASONS, *causes.OTHERS, ""])
def test_every_cause_and_every_cure_has_a_text_of_its_own(reason: str) -> None:
    name = causes.named(reason)
    own = {f"cause_of_{name}": "Grund", f"cure_of_{name}": "Abhilfe"}
    told = fact(Kind.OUTAGE_BEGAN, at(12), reason=reason)

    task = telling.task(told, view(), Practice(words=own))

    assert own.keys() <= wording.ENGLISH.keys()
    assert task.description.splitlines()[1:3] == ["Cause: Grund", "What to do: Abhilfe"]


def test_a_reason_that_is_not_listed_is_told_in_its_own_word() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(12), reason="solar_flare")

    lines = [telling.task(told, view(), by).description.splitlines() for by in (USUAL, GERMAN)]

    assert lines[0][1] == "Cause: HyperTrack gives the reason solar_flare."
    assert lines[1][1] == "Grund: HyperTrack nennt solar_flare."


def test_a_notice_has_the_connections_own_words_too() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(12), reason="low_battery")

    message = telling.mail(told, connection(practice=GERMAN), resource(), appointment())

    assert message.subject == "Ada Lovelace ist bei SA-0001 nicht zu sehen"
    assert message.text.splitlines()[1:] == [
        "Grund: Der Akku ist fast leer.",
        "Abhilfe: Laden, dann die App öffnen.",
        "Termin: SA-0001",
        "Verbindung: Example",
    ]


def test_a_notice_names_the_person_the_appointment_and_the_connection() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(12), reason="low_battery")

    message = telling.mail(
        told, connection(), resource(time_zone="Europe/Berlin"), appointment()
    )

    cause = causes.REASONS["low_battery"]
    assert message.subject == "SA-0001: Ada Lovelace is not tracked"
    assert message.text.splitlines() == [
        "Ada Lovelace has not been tracked since 2026-03-04 13:00 Europe/Berlin.",
        f"Cause: {cause.words}",
        f"What to do: {cause.cure}",
        "Appointment: SA-0001",
        "Connection: Example",
    ]


def test_what_is_not_known_is_told_by_its_id() -> None:
    message = telling.mail(fact(Kind.OUTAGE_BEGAN, at(12)), connection(), None, None)

    assert message.subject == f"{APPOINTMENT}: {RESOURCE} is not tracked"
