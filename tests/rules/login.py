"""A connection on its way to Salesforce's login, and Salesforce's login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldlink.connecting import connecting, granting
from fieldlink.connecting.office import Office
from fieldlink.records import Access, Connection, Tokens
from tests.fakes import FakeAuthorisation, FakeVault
from tests.make import CONNECTION, World, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes import FakeSalesforce

OWN = "https://own.example.com"
CALLBACK = "https://api.example.com/oauth/callback"
USERNAME = "fieldlink@example.com"
MY_DOMAIN = "https://example.my.salesforce.com"
WAYS: dict[str, dict[str, str]] = {
    "web": {},
    "jwt": {"authorise": "jwt", "username": USERNAME},
    "client": {"authorise": "client", "login_url": MY_DOMAIN},
}


class Town(World):
    """A connection that is new, and Salesforce's login."""

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.authorisation = FakeAuthorisation(self.fate, approved={USERNAME})
        self.vault = FakeVault(self.fate)
        self.state.write(connection(**{"state": "new", "org": "", "user": "", **fields}))
        self.words = self._words()

    @property
    def office(self) -> Office:
        return Office(
            state=self.state,
            vault=self.vault,
            authorisation=self.authorisation,
            own_login_url=OWN,
            now=self.now,
        )

    @property
    def kept(self) -> Connection:
        found = self.state.read(Connection, CONNECTION)
        assert found
        return found

    def org(self, _: Connection) -> FakeSalesforce:
        return self.salesforce

    def begin(self, session: str = "session") -> str:
        connecting.begin(
            self.kept,
            session=session,
            callback=CALLBACK,
            office=self.office,
            random=lambda: next(self.words),
        )
        return list(self.authorisation.pages)[-1].removeprefix("code-")

    def finish(self, state: str, code: str = "", session: str = "session") -> Connection:
        return connecting.finish(
            state,
            code or f"code-{state}",
            session=session,
            office=self.office,
            org=self.org,
        )

    def connect_directly(self) -> Connection:
        return connecting.connect_directly(self.kept, office=self.office, org=self.org)

    def connect(self) -> Connection:
        by_browser = self.kept.authorise == "web"
        return self.finish(self.begin()) if by_browser else self.connect_directly()

    def _words(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"word-{number:038d}"


def connected(way: str = "web", **fields: Any) -> Town:
    town = Town(**WAYS[way], **fields)
    town.connect()
    town.authorisation.requests.clear()
    return town


def access(town: World) -> Access:
    found = town.state.read(Access, CONNECTION)
    assert found
    return found


def opened(town: Town) -> Tokens:
    return granting.tokens(access(town), town.vault)
