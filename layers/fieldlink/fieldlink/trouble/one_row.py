"""Rule: what one fact wrote at several appointments stands in its one row of the ledger, of
each appointment with Salesforce's id of the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fieldlink.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fieldlink.models import LedgerRow
    from fieldlink.ports import Ledger

APPOINTMENTS = "appointments"  # in what a row wrote: by appointment


class OneRow:
    """The ledger, for as long as one fact is applied to several appointments."""

    def __init__(self, ledger: Ledger, delivery: str) -> None:
        self._ledger = ledger
        self._delivery = delivery

    @classmethod
    def of(cls, ledger: Ledger, delivery: str) -> Ledger:
        return cast("Ledger", cls(ledger, delivery))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def put(self, row: LedgerRow) -> None:
        self._ledger.put(self._shared(row))

    def put_all(self, rows: Sequence[LedgerRow]) -> None:
        self._ledger.put_all([self._shared(row) for row in rows])

    def _shared(self, row: LedgerRow) -> LedgerRow:
        """With all that was written before this: whoever dies next leaves nothing untold."""
        if row.delivery != self._delivery:
            return row  # of what its own worker did not live to finish
        return _added(row, _there(row, self._ledger))


def parked(row: LedgerRow, ledger: Ledger) -> LedgerRow:
    """The row of a fact that is parked: what it wrote elsewhere until then is not lost."""
    done = _told(_there(row, ledger))
    return row.model_copy(update={"wrote": {APPOINTMENTS: done}}) if done else row


def _there(row: LedgerRow, ledger: Ledger) -> LedgerRow | None:
    found = ledger.of_deliveries(row.connection, [(row.received_at, row.delivery)])
    return next(iter(found), None)


def _added(row: LedgerRow, before: LedgerRow | None) -> LedgerRow:
    wrote = _told(before)
    for name, each in _told(row).items():
        # A second try that finds its Task there made no request.
        wrote[name] = {**wrote.get(name, {}), **each}
    return row.model_copy(
        update={
            "appointment": "",
            "outcome": Outcome.APPLIED if wrote else row.outcome,
            "wrote": {APPOINTMENTS: wrote} if wrote else {},
            "before": {},
            "rule": "",
            "request": "",
            "reason": _reasons(row, before),
        }
    )


def _told(row: LedgerRow | None) -> dict[str, Any]:
    """What a row says that was written, by appointment."""
    if row is None or not (row.wrote and row.appointment):
        return dict(row.wrote.get(APPOINTMENTS, {})) if row else {}
    about = {"rule": row.rule, "request": row.request, "before": row.before}
    return {row.appointment: row.wrote | {name: each for name, each in about.items() if each}}


def _reasons(row: LedgerRow, before: LedgerRow | None) -> str:
    """Each with its appointment; why a try before was parked is over."""
    told = before.reason if before and before.outcome is not Outcome.PARKED else ""
    own = f"{row.appointment}: {row.reason}" if row.reason else ""
    return told if own in told else "; ".join(filter(None, [told, own]))
