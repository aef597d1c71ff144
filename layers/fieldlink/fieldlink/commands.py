"""Commands for our own queues. Each says what to look at, never what to do about it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fieldlink.hearing.webhooks import group
from fieldlink.ports import Message

if TYPE_CHECKING:
    from fieldlink.models import Invite, Poll, Recover, Report, Sync


def poll_message(poll: Poll, slot: str) -> Message:
    """One look in each slot, and never two looks at one org at a time."""
    return _message(poll.model_dump_json(), poll.connection, slot)


def sync_message(sync: Sync, cause: str) -> Message:
    """`cause` must be new for each reason to look: the queue drops what it has seen.

    A message that is dropped because an earlier one asked the same would be lost if that one
    was taken before its reason arose.
    """
    return _message(sync.model_dump_json(), f"{sync.connection}-{sync.resource}", cause)


def recover_message(recover: Recover) -> Message:
    """In the group of its resource, as `sync_message`; the same span once."""
    group = f"{recover.connection}-{recover.resource}"
    return _message(recover.model_dump_json(), group, "recover")


def invite_message(invite: Invite, cause: str) -> Message:
    """As `sync_message`."""
    return _message(invite.model_dump_json(), f"{invite.connection}-{invite.resource}", cause)


def report_message(report: Report) -> Message:
    """An event that no webhook brought, in the group of its device or order."""
    return _message(report.model_dump_json(), group(report.connection, report.event), "report")


def _message(body: str, group: str, cause: str) -> Message:
    return Message(body, group, hashlib.sha256(f"{body}{cause}".encode()).hexdigest())
