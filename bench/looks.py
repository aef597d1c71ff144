"""A process of its own: our looks at an org. Told on stdout, as JSON."""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import perf_counter, process_time
from typing import Any, NamedTuple

import requests

from fieldlink.adapters.salesforce import SalesforceOrg
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.errors import FieldlinkError
from fieldlink.looking.polling import Polled, Queues, poll
from fieldlink.ports import Depth, Message
from fieldlink.records import Appointment, Connection, Record, Row, Watermark

CONNECTION = "connection-of-the-bench"

type Key = tuple[str, ...]


class Entry(NamedTuple):
    """A pass whose token lasts as long as the bench."""

    instance_url: str
    token: str

    def renew(self, why: str) -> None:
        raise RuntimeError(why)

    def give_up(self, code: str, message: str) -> None:
        raise RuntimeError(f"{code}: {message}")


class Table:
    """The state in memory: what it costs to read and write it elsewhere is not measured."""

    def __init__(self) -> None:
        self._stored: defaultdict[type[Record], dict[Key, Any]] = defaultdict(dict)

    def read[R: Record](self, kind: type[R], *key: str) -> R | None:
        return self._stored[kind].get(key)

    def read_many[R: Record](self, kind: type[R], keys: Iterable[Key]) -> list[R]:
        stored = self._stored[kind]
        return [stored[key] for key in keys if key in stored]

    def fingerprints(self, kind: type[Row], keys: Collection[Key]) -> dict[Key, str]:
        stored = self._stored[kind]
        return {key: stored[key].fingerprint for key in keys if key in stored}

    def all_of[R: Record](self, kind: type[R], *key: str) -> list[R]:
        found = self._stored[kind].items()
        return [each for its, each in found if its[: len(key)] == key]

    def some_of[R: Record](self, kind: type[R], *key: str, limit: int) -> list[R]:
        return sorted(self.all_of(kind, *key), key=lambda each: each.key)[:limit]

    def write(self, record: Record) -> bool:
        self.write_all([record])
        return True

    def write_each(self, records: Sequence[Record]) -> list[bool | FieldlinkError]:
        return [self.write(each) for each in records]

    def write_all(
        self, records: Iterable[Record], *, fence: Record | None = None, once: bool = False
    ) -> None:
        del fence, once  # nobody else writes here
        for each in records:
            self._stored[type(each)][each.key] = each

    def take[R: Record](self, kind: type[R], *key: str) -> R | None:
        found: R | None = self._stored[kind].pop(key, None)
        return found

    def erase(self, kind: type[Record], *key: str) -> None:
        self._stored[kind].pop(key, None)

    def forget(self, record: Record) -> None:
        self.erase(type(record), *record.key)


class Queue:
    """Takes every message."""

    def put(self, messages: Iterable[Message]) -> None:
        self.last = list(messages)

    def depth(self) -> Depth:
        return Depth(0, 0)


def main() -> None:
    what, url, token = sys.argv[1:]
    table = Table()
    with requests.Session() as http:
        http.trust_env = False
        org = SalesforceOrg(
            SalesforceRest(http, Entry(url, token), "67.0"), CONNECTION, "005000000000001AAA"
        )

        def look(*, full: bool) -> Polled:
            return poll(
                connection(),
                salesforce=org,
                state=table,
                queues=Queues(Queue(), Queue()),
                run="bench",
                full=full,
            )

        told = idle(look, table) if what == "idle" else everything(look, table)
    sys.stdout.write(json.dumps(told))


def connection() -> Connection:
    return Connection(
        connection=CONNECTION,
        state="connected",
        name="Bench",
        hypertrack_account="account",
        hypertrack_secret="sealed",
        login_url="https://login.salesforce.com",
    )


def everything(look: Callable[..., Polled], table: Table) -> dict[str, float | str]:
    """Two looks at everything: at the first all rows are new, at the second none is."""
    told: dict[str, float | str] = {}
    for name in ("new", "known"):
        wall, cpu = perf_counter(), process_time()
        done = look(full=True)
        told[f"{name} cpu"] = (process_time() - cpu) / done.rows * 1e6
        told[f"{name} wall"] = (perf_counter() - wall) / done.rows * 1e6
        if name == "known" and done.changed:
            raise ValueError(done)
    ids = sorted(each.id for each in table.all_of(Appointment))
    return told | {"ids": sha256(" ".join(ids).encode()).hexdigest()}


def idle(look: Callable[..., Polled], table: Table) -> dict[str, float | str]:
    """One look five minutes after another, with nothing changed in between."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    table.write(Watermark(connection=CONNECTION, at=at, full_at=at))
    done = look(full=False)
    if done.rows:
        raise ValueError(done)
    return {}


if __name__ == "__main__":
    main()
