"""Messages for our own queues."""

from __future__ import annotations

from fieldlink.commands import invite_message, poll_message, sync_message
from fieldlink.models import Invite, Poll, Sync
from tests.make import COLLEAGUE, CONNECTION, RESOURCE

SYNC = Sync(connection=CONNECTION, resource=RESOURCE)


def test_a_command_comes_back_as_it_was_put() -> None:
    poll, invite = Poll(connection="c"), Invite(connection="c", resource="r")

    assert Poll.model_validate_json(poll_message(poll, "slot").body) == poll
    assert Invite.model_validate_json(invite_message(invite, "cause").body) == invite
    assert Sync.model_validate_json(sync_message(SYNC, "cause").body) == SYNC


def test_the_same_command_for_the_same_reason_is_one() -> None:
    assert sync_message(SYNC, "cause") == sync_message(SYNC, "cause")


def test_the_same_command_for_another_reason_is_another() -> None:
    assert sync_message(SYNC, "cause").key != sync_message(SYNC, "other").key


def test_each_resource_is_a_group() -> None:
    colleague = SYNC.model_copy(update={"resource": COLLEAGUE})

    assert sync_message(SYNC, "cause").group != sync_message(colleague, "cause").group


def test_an_older_command_is_still_read() -> None:
    assert Sync.model_validate_json('{"connection": "c", "resource": "r", "gone": 1}') == Sync(
        connection="c", resource="r"
    )
