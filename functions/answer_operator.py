"""What an operator asks with AWS credentials: the ledger verified, explained, handed out, one
person's data erased, parked messages and dead letters sent again.

Each answer says what was done, and as `next` or `left` what time did not suffice for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fieldlink import replaying
from fieldlink.books import asking, chaining, erasing, explaining, exporting
from fieldlink.errors import FieldlinkError, Refused, Unavailable
from fieldlink.observability import logger, metrics
from fieldlink.records import Connection
from fieldlink.wiring import now, random_text, services

if TYPE_CHECKING:
    from collections.abc import Callable

    from fieldlink.worker import Context

# Milliseconds that must be left to begin a page, or a batch: a thousand rows of one person take
# two calls each, of some 10 ms.
MARGIN = 30_000
LISTED = 100  # of what may be too much for an answer of 6 MB


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Whatever is asked; {"error": …} where that can't be answered."""
    metrics.add_metric(name="OperatorAsked", unit="Count", value=1)
    try:
        ask = asking.read(event)
        if not isinstance(ask, asking.Redrive):
            _known(ask.connection)
        answer = ACTIONS[type(ask)](ask, _more(context))
    except FieldlinkError as error:
        # Not its text: it may name a person.
        logger.info("operator not answered", error=type(error).__name__)
        again = "try again: " if isinstance(error, Unavailable) else ""
        return {"error": f"{again}{error}"}
    logger.info("operator answered", action=ask.action)
    return answer


def verify_ledger(ask: asking.Verify, more: Callable[[], bool]) -> dict[str, Any]:
    found = chaining.verify(
        ask.connection,
        *ask.span,
        ledger=services().ledger,
        kept_since=now() - timedelta(days=int(services().settings.ledger_days)),
        more=more,
    )
    days = [
        {
            **each._asdict(),
            "day": each.day.isoformat(),
            "findings": [f"{what}: {where}" for what, where in each.findings[:LISTED]],
            "count": len(each.findings),
            "unchained": len(each.unchained),
            "unchained_rows": list(each.unchained[:LISTED]),
            "again": len(each.again),
            "again_rows": list(each.again[:LISTED]),
        }
        for each in found.days
    ]
    return {"whole": found.whole, "days": days, **_next(found.next)}


def explain(ask: asking.Explain, _more: Callable[[], bool]) -> dict[str, Any]:
    found = explaining.explain(
        ask.record,
        connection=ask.connection,
        state=services().state,
        ledger=services().ledger,
        day=ask.day,
        text=ask.reference,
    )
    return found.model_dump(mode="json", exclude_defaults=True)


def export(ask: asking.Export, more: Callable[[], bool]) -> dict[str, Any]:
    done = exporting.export(
        ask.connection, *ask.span, ledger=services().ledger, spool=services().spool, more=more
    )
    place = f"s3://{services().settings.spool_bucket}/{exporting.below(ask.connection)}"
    return {
        "keys": list(done.keys),
        "rows": done.rows,
        "fetch": f"aws s3 cp --recursive {place} .",
        **_next(done.next),
    }


def erase(ask: asking.Erase, more: Callable[[], bool]) -> dict[str, Any]:
    books = erasing.Books(
        state=services().state,
        ledger=services().ledger,
        spool=services().spool,
        ledger_days=int(services().settings.ledger_days),
        now=now(),
        more=more,
    )
    done = erasing.erase(
        ask.connection,
        ask.resource,
        books,
        confirm=ask.confirm,
        after=ask.after,
        even_if_active=ask.even_if_active,
    )
    return done._asdict()


def parked(ask: asking.Parked, _more: Callable[[], bool]) -> dict[str, Any]:
    found = replaying.chosen(ask.connection, ask.choice, services().state)
    return {"parked": len(found), "groups": _groups(found)}


def replay(ask: asking.Replay, more: Callable[[], bool]) -> dict[str, Any]:
    found = replaying.chosen(ask.connection, ask.choice, services().state)
    told = {"parked": len(found), "dry_run": ask.dry_run, "groups": _groups(found)}
    if ask.dry_run:
        return told
    done = replaying.replay(
        found,
        state=services().state,
        queues=services().queues,
        random=random_text,
        more=more,
    )
    return {**told, **done._asdict()}


def redrive(ask: asking.Redrive, _more: Callable[[], bool]) -> dict[str, Any]:
    services().queues[ask.queue.lower()].redrive()
    return {"started": ask.queue}


ACTIONS: dict[type[asking.Ask], Callable[[Any, Callable[[], bool]], dict[str, Any]]] = {
    asking.Verify: verify_ledger,
    asking.Explain: explain,
    asking.Export: export,
    asking.Erase: erase,
    asking.Parked: parked,
    asking.Replay: replay,
    asking.Redrive: redrive,
}


def _known(connection: str) -> None:
    if services().state.read(Connection, connection) is None:
        raise Refused("there is no such connection")


def _more(context: Context) -> Callable[[], bool]:
    return lambda: context.get_remaining_time_in_millis() > MARGIN


def _next(day: Any) -> dict[str, Any]:
    """From which day on to ask for the rest."""
    return {"next": day.isoformat()} if day else {}


def _groups(found: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "group": each.id,
            "cause": each.cause,
            "hint": each.hint,
            "count": len(each.items),
            "first": each.items[0].at.isoformat(),
            "last": each.items[-1].at.isoformat(),
            "ids": [item.id for item in each.items[:LISTED]],
        }
        for each in replaying.groups(found)[:LISTED]
    ]
