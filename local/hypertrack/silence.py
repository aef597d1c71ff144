"""An outage of HyperTrack itself: what happens is recorded, and nobody is told."""

from dataclasses import dataclass, field

from local.hypertrack.events import Event
from local.hypertrack.state import Account


@dataclass
class Silence:
    """Who hears nothing at present, and what they would have heard."""

    _of: set[str] = field(default_factory=set)
    _of_all: bool = False
    _unsaid: list[tuple[Account, Event]] = field(default_factory=list)

    def begin(self, account_id: str | None) -> None:
        if account_id is None:
            self._of_all = True
        else:
            self._of.add(account_id)

    def swallows(self, account: Account, event: Event) -> bool:
        """Whether the event stays unsaid."""
        silent = self._of_all or account.account_id in self._of
        if silent:
            self._unsaid.append((account, event))
        return silent

    def end(self) -> list[tuple[Account, Event]]:
        """Everybody is told again; returns what was not."""
        unsaid, self._unsaid = self._unsaid, []
        self._of.clear()
        self._of_all = False
        return unsaid
