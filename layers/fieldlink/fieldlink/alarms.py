"""What is logged for the alarms to count, each once for the thing that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldlink.errors import FieldlinkError
from fieldlink.listing import every_connection
from fieldlink.observability import logger
from fieldlink.records import Connection

if TYPE_CHECKING:
    from fieldlink.connecting.metering import CountingMeter
    from fieldlink.ports import State


def tell_lost(name: str, state: State) -> None:
    """Log that a connection is lost, unless that was told.

    It is logged first and marked then: a crash in between rings twice, and never not at all.
    """
    found = state.read(Connection, name)
    if found and found.state == "lost" and not found.told:
        logger.error("connection lost", connection=name, end=found.end)
        state.write(found.model_copy(update={"told": True}))


def tell_all_lost(state: State) -> None:
    """Those of which nobody lived to tell."""
    for each in every_connection(state):
        if each.state == "lost" and not each.told:
            tell_lost(each.connection, state)


def tell_gate(name: str, news: str) -> None:
    """Log what a doorkeeper tells: that writes to an org wait, or go on."""
    what, _, why = news.partition(": ")
    if what == "resumed":
        logger.info("salesforce resumed", connection=name)
    else:
        logger.warning("salesforce paused", connection=name, why=why)


def flush(meter: CountingMeter) -> None:
    """Store the count of calls. What was done is done, whether it can be counted or not."""
    try:
        meter.flush()
    except FieldlinkError as error:
        logger.warning("calls not counted", error=type(error).__name__)
