"""What a doctor's report is made of: one finding for each thing that was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fieldlink.errors import FieldlinkError
from fieldlink.models import Model, Utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from fieldlink.ports import (
        Examination,
        HyperTrack,
        Ledger,
        Mail,
        Outbox,
        State,
        Vault,
    )
    from fieldlink.records import Connection

type Health = Literal["ok", "warning", "fault", "unknown"]

WORST_FIRST: tuple[Health, ...] = ("fault", "unknown", "warning", "ok")


class Case(NamedTuple):
    """What a doctor has at hand to look at one connection."""

    connection: Connection
    org: Examination
    hypertrack: HyperTrack
    mail: Mail
    queues: Mapping[str, Outbox]
    state: State
    ledger: Ledger
    vault: Vault
    api_version: str  # that we speak
    settle: Callable[[], object]  # note what the org's answers said of its limits
    now: datetime


class Finding(Model):
    """One thing that was looked at, and what to do if it is not as it should be."""

    check: str
    state: Health
    words: str
    cure: str = ""


class Report(Model):
    """All findings about one connection."""

    connection: str
    name: str
    at: Utc
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether everything could be looked at and nothing is broken; warnings are allowed."""
        return not any(each.state in {"fault", "unknown"} for each in self.findings)

    @property
    def worst_first(self) -> list[Finding]:
        return sorted(self.findings, key=lambda each: WORST_FIRST.index(each.state))


class Check(NamedTuple):
    """A name, and how to look."""

    name: str
    look: Callable[[], Told]


class Told(NamedTuple):
    """What a look has told."""

    state: Health
    words: str
    cure: str = ""


def ok(words: str) -> Told:
    return Told("ok", words)


def warning(words: str, cure: str) -> Told:
    return Told("warning", words, cure)


def fault(words: str, cure: str) -> Told:
    return Told("fault", words, cure)


def unknown(words: str) -> Told:
    return Told("unknown", words, "Mend what is named above, or wait a while; then look again.")


def look(checks: Iterable[Check]) -> list[Finding]:
    """Look at all of it: what fails at one thing says nothing of the others."""
    return [Finding(check=each.name, **_told(each)._asdict()) for each in checks]


def _told(check: Check) -> Told:
    try:
        return check.look()
    except FieldlinkError as error:
        return unknown(f"could not be looked at: {error}")
    except Exception as error:
        # A bug of ours, or an answer that nobody foresaw. The others are looked at as well.
        return unknown(f"could not be looked at: unexpected {type(error).__name__}")


class Once[T]:
    """Asks at most once; what that raised is raised for each who wants the answer."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._answers: list[T] = []
        self._error: Exception | None = None

    def __call__(self) -> T:
        if self._error:
            raise self._error
        if not self._answers:
            try:
                self._answers.append(self._ask())
            except Exception as error:
                self._error = error
                raise
        return self._answers[0]
