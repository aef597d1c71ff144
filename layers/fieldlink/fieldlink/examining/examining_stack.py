"""Rule: what the doctor looks at outside Salesforce: HyperTrack, mail, queues, what waits."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from fieldlink.errors import Refused, Unavailable
from fieldlink.examining.findings import Case, Check, Once, Told, fault, ok, unknown, warning
from fieldlink.looking import polling
from fieldlink.people import technicians
from fieldlink.records import Held, Parked, Watermark, WebhookKeys, WebhookTested

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fieldlink.ports import Depth, Sender

MOST_COUNTED = 1_000  # what waits is counted so far; more is told as "more than"
# Polls come every five minutes, and a look may take four; one that finds nothing new leaves the
# watermark where it is, for an hour.
LATE = polling.IDLE_STEP + timedelta(minutes=20)


def checks(case: Case) -> Iterator[Check]:
    """In the order in which they are told."""
    account = Once(partial(_account, case))
    sender = Once(case.mail.check)
    depths = Once(lambda: {name: queue.depth() for name, queue in case.queues.items()})
    yield Check("last look", partial(_last_look, case))
    yield Check("waiting", partial(_waiting, case))
    yield Check("parked", partial(_parked, case))
    yield Check("HyperTrack answers", lambda: _answers(account()))
    yield Check("HyperTrack keys", lambda: _keys(account()))
    yield Check("webhook secret", partial(_secret, case))
    yield Check("webhook deliveries", partial(_deliveries, case))
    yield Check("phones", partial(_phones, case))
    yield Check("mail sender", lambda: _sender(sender()))
    yield Check("mail production", lambda: _production(sender()))
    yield Check("queues", lambda: _queues(depths()))
    yield Check("dead letters", lambda: _dead(depths()))


def _last_look(case: Case) -> Told:
    mark = case.state.read(Watermark, case.connection.connection)
    cure = "See whether PollSalesforce and the schedule run: their logs and alarms say."
    if mark is None:
        return warning("Salesforce has not been looked at yet", cure)
    age = case.now - mark.at
    if age > LATE:
        minutes = int(age.total_seconds() // 60)
        return fault(f"changes have not been handed on for {minutes} minutes", cure)
    return ok(f"changes up to {mark.at:%H:%M} UTC have been handed on")


def _waiting(case: Case) -> Told:
    name = case.connection.connection
    found = case.state.some_of(Held, name, limit=MOST_COUNTED + 1)
    if not found:
        return ok("nothing waits for the org")
    return warning(
        f"events that wait until the org may be called again: {_number(len(found))}",
        "They go on by themselves after the next look that gets through; nothing is lost.",
    )


def _parked(case: Case) -> Told:
    found = case.state.some_of(Parked, case.connection.connection, limit=MOST_COUNTED + 1)
    if not found:
        return ok("nothing is parked")
    return warning(
        f"parked messages: {_number(len(found))}",
        "See their causes on the connection's page, mend them, and replay.",
    )


def _number(found: int) -> str:
    return f"more than {MOST_COUNTED}" if found > MOST_COUNTED else str(found)


def _account(case: Case) -> Refused | Unavailable | None:
    """What HyperTrack says to our account and secret; None: it takes them."""
    try:
        case.hypertrack.check()
    except (Refused, Unavailable) as error:
        return error
    return None


def _answers(error: Refused | Unavailable | None) -> Told:
    if isinstance(error, Unavailable):
        return fault(f"no: {error}", "Wait: everything goes on by itself once it answers.")
    return ok("yes")


def _keys(error: Refused | Unavailable | None) -> Told:
    if isinstance(error, Unavailable):
        return unknown("HyperTrack does not answer")
    if error:
        return fault(
            "HyperTrack does not accept the AccountId and SecretKey of this connection",
            "Copy the SecretKey from HyperTrack's Setup page, and change it on the "
            "connection's page.",
        )
    return ok("HyperTrack accepts AccountId and SecretKey")


def _secret(case: Case) -> Told:
    """The door must know the secret that HyperTrack signs with now."""
    name = case.connection.connection
    found = case.state.read(WebhookKeys, name)
    known = [case.vault.open(each, connection=name) for each in found.secrets] if found else []
    if case.vault.open(case.connection.hypertrack_secret, connection=name) in known:
        return ok("the webhook door knows the current SecretKey")
    return fault(
        "the webhook door does not know the current SecretKey",
        "Change the SecretKey on the connection's page; entering the same one again will do.",
    )


def _deliveries(case: Case) -> Told:
    name = case.connection.connection
    if case.state.read(WebhookTested, name):
        return ok("HyperTrack's test event has arrived")
    if case.ledger.last(name, now=case.now, limit=1):
        return ok("events have arrived")
    return warning(
        "no webhook of HyperTrack's has been seen yet",
        "Paste the webhook's URL into HyperTrack's Setup page and send a test event there.",
    )


def _phones(case: Case) -> Told:
    people = technicians.listed(case.connection.connection, case.state, case.now)
    several = [each.name for each in people if each.phones]
    if not several:
        return ok("nobody uses two phones at a time")
    return warning(
        f"people who use two phones at a time: {_number(len(several))}; {several[0]} is one",
        "See People on the connection's page; have the app removed from the phone that is not "
        "to be used.",
    )


def _sender(sender: Sender) -> Told:
    if sender.verified:
        return ok(f"SES has verified {sender.address}")
    return fault(
        f"SES has not verified {sender.address}",
        "Verify the address or its domain in SES, in this region; until then no invitation "
        "can be sent.",
    )


def _production(sender: Sender) -> Told:
    if not sender.enabled:
        return fault("SES has paused the sending of mail", "See SES's account dashboard.")
    if sender.production:
        return ok("SES sends to everybody")
    return warning(
        "SES is in its sandbox: it sends to verified addresses only",
        "Request production access in SES, in this region.",
    )


def _queues(depths: Mapping[str, Depth]) -> Told:
    full = {name: depth.waiting for name, depth in depths.items() if depth.waiting}
    if not full:
        return ok("nothing waits in the queues")
    return warning(
        f"messages wait: {_listed(full)}",
        "Look again in some minutes. If the numbers do not fall, see the workers' logs.",
    )


def _dead(depths: Mapping[str, Depth]) -> Told:
    dead = {name: depth.dead for name, depth in depths.items() if depth.dead}
    if not dead:
        return ok("no message has been given up")
    return fault(
        f"messages were given up: {_listed(dead)}",
        "See the workers' logs for the cause, then redrive the dead-letter queues in SQS.",
    )


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} in {name}" for name, number in numbers.items())
