"""The ports of a desk for threads that meet: what these ask is joined into few calls."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from fieldlink.errors import Refused, Unavailable
from fieldlink.ports import Salesforce, SeveralAtOnce
from fieldlink.records import Anchor, Day, Device, Order, Record, Resource, SheetClaim, Visit
from fieldlink.writing.together import apart, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from fieldlink.models import Described, LedgerRow, Look, Place, View, Writes, Written
    from fieldlink.ports import Ledger, State
    from fieldlink.records import Claim
    from fieldlink.writing.desk import Desk
    from fieldlink.writing.together import Together


ANCHORS: tuple[type[Record], ...] = (Visit, Day)  # in the order in which they are read
VIEW, CLAIM, WRITE, PUT, STORE = "view", "claim", "write", "put", "store"
# What a fact passes, in this order; whatever is not named here comes before.
STAGES = (Order, Device, Visit, Resource, Day, VIEW, CLAIM, WRITE, PUT, STORE)


class Org(Salesforce, SeveralAtOnce, Protocol):
    """An org that takes one look or several."""


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
    )


def stage(of: str | type[Record]) -> int:
    """How far along somebody is who asks for that."""
    return STAGES.index(of) + 1 if of in STAGES else 0


class Joined[P]:
    """What is not joined goes straight to the port."""

    def __init__(self, port: P, together: Together) -> None:
        self._port = port
        self._together = together

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class JoinedOrg(Joined[Org]):
    """Looks, searches and writes of a connection's org."""

    def __init__(
        self, org: Org, together: Together, connection: str, time_left: Callable[[], bool]
    ) -> None:
        super().__init__(org, together)
        self._connection = connection
        self._time_left = time_left

    def view(self, look: Look) -> View:
        """Of no use to whoever has no time left to write: they need not even begin with it."""
        found = self._ask(VIEW, look, self._port.view, self._views)
        self._begin()
        return found

    def write(self, writes: Writes) -> Written:
        return self._ask(WRITE, writes, self._port.write, self._port.write_all)

    def described(self) -> Described:
        """What many ask for because of the same refusal is asked for once."""
        org = self._port
        return self._ask(
            "described",
            None,
            lambda _: org.described(),
            lambda all_: [org.described()] * len(all_),
        )

    def find(self, writes: Writes) -> Written:
        return self._ask("find", writes, self._port.find, self._port.find_all)

    def locate(self, resource: str, place: Place, at: datetime) -> None:
        self._begin()
        self._port.locate(resource, place, at)

    def _views(self, looks: list[Look]) -> list[View | Exception]:
        """Two devices may tell of the same work."""
        different = list(dict.fromkeys(looks))
        found = dict(zip(different, self._port.views(different), strict=True))
        return [found[each] for each in looks]

    def _ask[Q, A](
        self,
        what: str,
        request: Q,
        one: Callable[[Q], A],
        many: Callable[[list[Q]], Sequence[A | Exception]],
    ) -> A:
        """While they waited for others, time may have run out."""

        def timely[X, Y](call: Callable[[X], Y]) -> Callable[[X], Y]:
            def called(asked: X) -> Y:
                self._begin()
                return call(asked)

            return called

        self._begin()
        kind = what, self._connection
        return self._together.ask(kind, request, timely(one), timely(many), stage(what))

    def _begin(self) -> None:
        if not self._time_left():
            raise Unavailable("no time is left for another call")


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

        def many(keys: list[tuple[str, ...]]) -> list[R | None]:
            found = {each.key: each for each in state.read_many(kind, dict.fromkeys(keys))}
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
        ledger = self._port

        many = partial(apart, all_=ledger.put_all, one=ledger.put)
        self._together.ask("put", row, ledger.put, many, stage(PUT))
