"""What a dispatcher reads."""

from fieldlink.models import Kind
from fieldlink.trouble import causes, telling
from tests.make import APPOINTMENT, RESOURCE, appointment, at, connection, fact, resource, view


def test_a_task_is_due_on_the_day_on_which_it_happened_there() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(23, 30), reason="low_battery")

    task = telling.task(told, view(time_zone="Europe/Berlin"))

    assert task.due.isoformat() == "2026-03-05"
    assert "since 2026-03-05 00:30 Europe/Berlin." in task.description


def test_a_task_of_somebody_without_a_name_tells_the_id() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(12))

    assert telling.task(told, view(resource_name="")).subject == f"Not tracked: {RESOURCE}"


def test_a_subject_fits() -> None:
    told = fact(Kind.OUTAGE_BEGAN, at(12))

    assert len(telling.task(told, view(resource_name="x" * 300)).subject) == 255


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
