"""What the mail system says became of an invitation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fieldlink.errors import Unavailable
from fieldlink.people import bounces
from fieldlink.records import Invitation, Worker
from tests.fakes import NOON, FakeState
from tests.make import CONNECTION, RESOURCE, at, worker

EVENTS = Path(__file__).resolve().parents[2] / "events"
SENT_AT = NOON.replace(microsecond=123_456)
WHY = "smtp; 550 5.1.1 user unknown"


def told(**detail: Any) -> dict[str, Any]:
    tags = {"ses:configuration-set": ["Mails"]}
    tags |= {name: [text] for name, text in labels().items()}
    return {"source": "aws.ses", "detail": {"mail": {"tags": tags}, **detail}}


def labels() -> dict[str, str]:
    return bounces.labels(CONNECTION, RESOURCE, SENT_AT)


def bounced(**more: Any) -> dict[str, Any]:
    receivers = [{"emailAddress": "ada@example.com", "diagnosticCode": WHY}]
    return {"bounceType": "Permanent", "bouncedRecipients": receivers, **more}


def note(state: FakeState, why: str = WHY) -> bool:
    return bounces.note(CONNECTION, RESOURCE, SENT_AT, why, state)


def invitation(state: FakeState) -> Invitation | None:
    found = state.read(Worker, CONNECTION, RESOURCE)
    return found.invitation if found else None


def invited(**more: Any) -> FakeState:
    state = FakeState()
    fields = {"state": "sent", "at": SENT_AT, **more}
    state.write(worker(invitation=Invitation.model_validate(fields)))
    return state


def test_a_mail_is_known_again_by_its_labels() -> None:
    news = bounces.read(told(bounce=bounced()))

    assert news == (CONNECTION, RESOURCE, SENT_AT, WHY)


def test_labels_are_made_of_the_characters_that_ses_takes() -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")

    assert all(set(name + text) <= allowed for name, text in labels().items())


@pytest.mark.parametrize(
    ("detail", "why"),
    [
        ({"bounce": bounced()}, WHY),
        (
            {"bounce": bounced(bouncedRecipients=[], bounceSubType="General")},
            "Permanent General",
        ),
        (
            {"bounce": bounced(bounceSubType="OnAccountSuppressionList")},
            "SES sends nothing to this address any more, since an earlier mail bounced",
        ),
        ({"complaint": {}}, "its receiver reported it as spam"),
        ({"reject": {"reason": "Bad content"}}, "SES did not send it: Bad content"),
        ({"reject": None}, "SES did not send it"),
        ({"bounce": {"bouncedRecipients": "?"}}, ""),
        ({"bounce": bounced(bouncedRecipients=[{"diagnosticCode": "x" * 999}])}, "x" * 300),
    ],
)
def test_why_it_came_back_is_told_in_plain_words(detail: dict[str, Any], why: str) -> None:
    news = bounces.read(told(**detail))

    assert news
    assert news.why == why


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail": None},
        {"detail": {"mail": "?"}},
        {"detail": {"mail": {"tags": {"connection": ["c"], "resource": ["r"]}}}},
        {"detail": {"mail": {"tags": {"connection": "c", "resource": ["r"], "sent": ["s"]}}}},
        {"detail": {"mail": {"tags": {"connection": ["c"], "resource": ["r"], "sent": ["s"]}}}},
    ],
)
def test_a_mail_that_is_no_invitation_of_ours_is_left_alone(event: dict[str, Any]) -> None:
    assert bounces.read(event) is None


def test_the_golden_events_are_read() -> None:
    found = sorted(EVENTS.glob("note_mail.*.json"))
    news = {each.name: bounces.read(json.loads(each.read_text())) for each in found}

    assert {name: bool(each) for name, each in news.items()} == {
        "note_mail.another_mail.json": False,
        "note_mail.bounced.json": True,
        "note_mail.complaint.json": True,
        "note_mail.rejected.json": True,
    }


def test_an_invitation_that_came_back_says_so() -> None:
    state = invited()

    assert note(state)

    found = invitation(state)
    assert found
    assert (found.state, found.why, found.at) == ("bounced", WHY, SENT_AT)


def test_one_that_comes_back_before_its_sending_is_noted_came_back() -> None:
    state = invited(state="sending")

    assert note(state)

    found = invitation(state)
    assert found
    assert found.state == "bounced"


def test_what_is_told_twice_is_written_once() -> None:
    state = invited()
    note(state)

    assert note(state)

    assert state.fate.effects.count("write Worker") == 2  # the first one made it


@pytest.mark.parametrize("sent_at", [at(9), SENT_AT.replace(microsecond=123_455)])
def test_the_return_of_an_earlier_invitation_says_nothing_of_the_last_one(sent_at: Any) -> None:
    state = invited(at=sent_at)

    assert not note(state)

    found = invitation(state)
    assert found
    assert found.state == "sent"


def test_nothing_is_noted_of_somebody_unknown() -> None:
    state = FakeState()

    assert not note(state)
    state.write(worker())
    assert not note(state)


def test_a_note_that_loses_a_race_comes_again() -> None:
    state = invited()

    class Racing:
        def __getattr__(self, name: str) -> object:
            return (lambda _: False) if name == "write" else getattr(state, name)

    with pytest.raises(Unavailable):
        note(Racing())  # type: ignore[arg-type]
