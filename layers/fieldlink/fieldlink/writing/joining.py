"""The ports of a desk for threads that meet: what these ask is joined into few calls."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, cast

from fieldlink.errors import Refused
from fieldlink.records import Anchor, Day, Record, SheetClaim, Visit
from fieldlink.writing.company import Company
from fieldlink.writing.joined_org import JoinedOrg
from fieldlink.writing.stages import CLAIM, PUT, STORE, Joined, stage
from fieldlink.writing.together import apart, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fieldlink.errors import FieldlinkError
    from fieldlink.models import LedgerRow
    from fieldlink.ports import Ledger, Salesforce, State
    from fieldlink.records import Claim
    from fieldlink.writing.desk import Desk
    from fieldlink.writing.joined_org import Org
    from fieldlink.writing.together import Together


ANCHORS: tuple[type[Record], ...] = (Visit, Day)  # in the order in which they are read


def joined(desk: Desk, together: Together, time_left: Callable[[], bool]) -> Desk:
    """A connection's desk for threads that meet there.

    `time_left`: whether there is time for a call of a vendor; if not, Unavailable.
    """

    def of(org: Salesforce) -> Salesforce:
        name = desk.connection.connection
        return cast("Salesforce", JoinedOrg(cast("Org", org), together, name, time_left))

    low = desk.low
    return desk._replace(
        state=cast("State", JoinedState(desk.state, together)),
        salesforce=of(desk.salesforce),
        ledger=cast("Ledger", JoinedLedger(desk.ledger, together)),
        low=cache(lambda: of(low())) if low else None,
        company=Company(desk.connection.connection, together),
    )


class JoinedState(Joined["State"]):
    """Reads and claims of records, and what is stored of them.

    Who reads the facts of an appointment, and then those of a day, is about to add to them, so
    the next one waits until that is done, and loses no race.
    """

    def read[R: Record](self, kind: type[R], *key: str) -> R | None:
        state = self._port
        if kind in ANCHORS:
            self._together.turn(key, ANCHORS.index(kind))

        def one(key: tuple[str, ...]) -> R | None:
            return state.read(kind, *key)

        def many(keys: list[tuple[str, ...]]) -> Sequence[R | FieldlinkError | None]:
            try:
                found = {each.key: each for each in state.read_many(kind, dict.fromkeys(keys))}
            except Refused:  # one of them can't be read
                return [tried(one, each) for each in keys]
            return [found.get(each) for each in keys]

        return self._together.ask(("read", kind), key, one, many, stage(kind))

    def write(self, record: Record) -> bool:
        if not isinstance(record, Anchor | SheetClaim):
            return self._port.write(record)
        ask = self._together.ask
        return ask("write each", record, self._port.write, self._write_each, stage(CLAIM))

    def _write_each(self, records: list[Claim]) -> list[bool | Exception]:
        """Together, which takes each key once; who comes second finds what the first left.

        What is refused in company is tried alone, so that one refuses no other.
        """
        first = [*{(type(each), each.key): each for each in reversed(records)}.values()]
        told = dict(zip(map(id, first), self._port.write_each(first), strict=True))
        answers = [told.get(id(each)) for each in records]
        return [
            tried(self._port.write, each)
            if answer is None or isinstance(answer, Refused)
            else answer
            for each, answer in zip(records, answers, strict=True)
        ]

    def write_all(
        self,
        records: Iterable[Record],
        *,
        fence: Record | None = None,
        once: bool = False,
    ) -> None:
        state = self._port
        if fence:
            state.write_all(records, fence=fence, once=once)
            return

        def one(some: list[Record]) -> None:
            state.write_all(some, once=once)

        def all_(several: list[list[Record]]) -> None:
            every = [each for some in several for each in some]
            last = {(type(each), each.key): each for each in every}  # a batch has no key twice
            one([*last.values()])

        many = partial(apart, all_=all_, one=one)
        self._together.ask(("write all", once), [*records], one, many, stage(STORE))


class JoinedLedger(Joined["Ledger"]):
    """New rows."""

    def put(self, row: LedgerRow) -> None:
        self.put_all([row])

    def put_all(self, rows: Sequence[LedgerRow]) -> None:
        ledger = self._port

        def all_(several: list[Sequence[LedgerRow]]) -> None:
            ledger.put_all([each for some in several for each in some])

        many = partial(apart, all_=all_, one=ledger.put_all)
        self._together.ask("put", rows, ledger.put_all, many, stage(PUT))
