"""Rule: whether an org may be called just now: its circuit breaker and our share of its calls.

A look is what finds out whether an org is back, so looks go on, rarely, while writes wait.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from fieldlink.errors import Closed, Lost
from fieldlink.records import Gate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fieldlink.ports import Meter, State
    from fieldlink.records import Connection

type Purpose = Literal["look", "write", "extra"]

MOST_FAILURES = 5  # in a row; then the breaker opens
PROBE_EVERY = timedelta(seconds=30)  # while it is open
# Of what may be spent: from here on nothing extra, from there on no writes either, and below
# the last they go on. The gap keeps a backlog from opening and closing the gate at every tick.
SOFT, HARD, BACK = 0.80, 0.95, 0.90
# Looks alone take 288 calls a day, so a smaller share would stop writes for good: twice that.
LEAST_SHARE = 2 * 288
NOTED_EVERY = timedelta(hours=1)
FRESH = timedelta(seconds=5)  # for so long one worker goes by what it has read
TRIES = 3  # to note a failure, when several workers fail at the same moment


class Doorkeeper:
    """Stands before one org for one message or one look.

    `tell` is handed "paused: <why>" and "resumed" by whoever made it so, once for each time.
    """

    def __init__(
        self,
        connection: Connection,
        state: State,
        meter: Meter,
        now: Callable[[], datetime],
        purpose: Purpose,
        tell: Callable[[str], None] = lambda _: None,
        gate: Gate | None = None,  # as it has just been read
    ) -> None:
        self._connection = connection
        self._state = state
        self._meter = meter
        self._now = now
        self._purpose = purpose
        self._tell = tell
        self._gate = gate or Gate(connection=connection.connection)
        self._read_at = now() if gate else None
        self._probing = False
        self._heard: tuple[int, int] | None = None  # used and allowed, by the last answer

    def enter(self) -> None:
        """Before a call. Raises Closed if it must not be made, Lost if it would be refused."""
        if self._connection.state == "lost":
            raise Lost(self._connection.problem, end=self._connection.end)
        gate = self._recent()
        if gate.opened_at:
            self._probe(gate)
        elif self._purpose != "look":
            self._stay_within(gate)
        self._meter.add(self._connection.connection, self._now(), 1)

    def answered(self, used: int | None, allowed: int | None) -> None:
        """The org has answered, be it a refusal; with its day's calls, if it named them."""
        if used is not None and allowed:
            self._heard = used, allowed
        # If others have changed the gate meanwhile they know better, but for a probe: while the
        # breaker is open nobody else has heard of the org.
        for _ in range(TRIES if self._probing else 1):
            gate = self._gate
            quiet = not (gate.failures or gate.opened_at)
            if quiet or self._change(gate, failures=0, opened_at=None):
                break
            self._read()
        self._probing = False

    def failed(self) -> None:
        """No answer of the org came: the breaker counts."""
        self._probing = False
        for _ in range(TRIES):
            gate = self._read()
            if gate.opened_at:
                return
            failures = gate.failures + 1
            opened_at = self._now() if failures >= MOST_FAILURES else None
            if self._change(gate, failures=failures, opened_at=opened_at):
                return

    def used_up(self) -> None:
        """Salesforce said that the org has no calls left."""
        for _ in range(TRIES):
            gate = self._read()
            if gate.paused == "limit" or self._pause(gate, "limit"):
                return

    def settle(self) -> bool:
        """After a look that got through: pause or resume by the fresh numbers.

        Returns whether writes may go on. Written is only what is news, and once in an hour, so
        that an idle connection costs no write at each look.
        """
        gate, now = self._read(), self._now()
        used, allowed = self._heard or (gate.used, gate.allowed)
        ours = self._meter.last_day(self._connection.connection, now)
        spent = self._spent(used, allowed, ours)
        paused = "share" if spent >= (BACK if gate.paused == "share" else HARD) else ""
        news = (
            gate.paused != paused
            or gate.seen_at is None
            or now - gate.seen_at >= NOTED_EVERY
            or _level(spent) != _level(self._spent(gate.used, gate.allowed, gate.ours))
        )
        if news:
            since = (gate.paused_at or now) if paused else None
            numbers = {"used": used, "allowed": allowed, "ours": ours, "seen_at": now}
            self._change(gate, paused=paused, paused_at=since, **numbers)
        return not self._gate.opened_at and not self._gate.paused

    def _probe(self, gate: Gate) -> None:
        """One call of a look in half a minute, until the org answers one."""
        now = self._now()
        if self._purpose != "look":
            raise Closed("Salesforce has not answered for a while")
        if gate.probed_at and now - gate.probed_at < PROBE_EVERY:
            raise Closed("Salesforce has not answered for a while; tried a moment ago")
        if not self._change(gate, probed_at=now):
            raise Closed("another worker is trying whether Salesforce is back")
        self._probing = True

    def _stay_within(self, gate: Gate) -> None:
        if gate.paused:
            raise Closed(f"writes to Salesforce are paused: {gate.paused}")
        used, allowed = self._heard or (gate.used, gate.allowed)
        ours = self._meter.last_day(self._connection.connection, self._now())
        spent = self._spent(used, allowed, ours)
        if spent >= HARD:
            self._pause(gate, "share")
            raise Closed("writes to Salesforce are paused: share")
        if spent >= SOFT and self._purpose == "extra":
            raise Closed("most of the day's calls to Salesforce are used up")

    def _spent(self, used: int, allowed: int, ours: int) -> float:
        return spent(used, allowed, ours, self._connection)

    def _pause(self, gate: Gate, why: Literal["share", "limit"]) -> bool:
        return self._change(gate, paused=why, paused_at=gate.paused_at or self._now())

    def _change(self, gate: Gate, **update: object) -> bool:
        """Write the gate, and tell if that has closed or opened it."""
        changed = gate.model_copy(update=update)
        if not self._state.write(changed):
            return False
        self._gate = changed.model_copy(update={"version": gate.version + 1})
        before, after = _why(gate), _why(changed)
        if before != after:
            self._tell(f"paused: {after}" if after else "resumed")
        return True

    def _recent(self) -> Gate:
        if self._read_at is None or self._now() - self._read_at >= FRESH:
            return self._read()
        return self._gate

    def _read(self) -> Gate:
        name = self._connection.connection
        self._gate = self._state.read(Gate, name) or Gate(connection=name)
        self._read_at = self._now()
        return self._gate


def share(allowed: int, connection: Connection) -> int:
    """How many of an org's daily calls a connection may use."""
    return max(LEAST_SHARE, allowed * connection.quota_share // 100)


def spent(used: int, allowed: int, ours: int, connection: Connection) -> float:
    """Of our share or of all that the org has, whichever is closer to its end."""
    if not allowed:
        return 0.0  # not heard yet
    return max(ours / share(allowed, connection), used / allowed)


def _why(gate: Gate) -> str:
    """Why the gate is closed, or "" if it is open."""
    return "failures" if gate.opened_at else gate.paused


def _level(spent: float) -> int:
    return sum(spent >= each for each in (SOFT, HARD))
