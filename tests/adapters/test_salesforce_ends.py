"""An org that shuts us out in Salesforce's own words, and what it is then called."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fieldlink.adapters.salesforce import SalesforceOrg
from fieldlink.adapters.salesforce_oauth import SalesforceAuthorisation
from fieldlink.adapters.salesforce_rest import SalesforceRest
from fieldlink.connecting import connecting, renewing
from fieldlink.connecting.office import Office
from fieldlink.errors import Lost
from fieldlink.records import Connection
from local.salesforce import FakeSalesforce
from tests.conftest import CLIENT_SECRET
from tests.fakes import FakeState, FakeVault
from tests.local.salesforce_setting import CALLBACK, CLIENT, VERIFIER, Clock, allow
from tests.make import CONNECTION, connection

IDA = "ida@example.com"  # the org's integration user
KEY = generate_private_key(65537, 2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
OTHER = generate_private_key(65537, 2048).public_key()
OTHER_PUBLIC = OTHER.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
WAYS: dict[str, dict[str, str]] = {
    "web": {},
    "jwt": {"authorise": "jwt", "username": IDA},
    "client": {"authorise": "client"},
}


class Bond:
    """A connection of our state with an org."""

    def __init__(self, org: FakeSalesforce, clock: Clock, way: str) -> None:
        self.org, self.clock = org, clock
        self.app = {"client_id": CLIENT["client_id"], "client_secret": CLIENT_SECRET}
        self.http = requests.Session()
        self.http.trust_env = False
        self.state, self.vault = FakeState(), FakeVault()
        new = {"state": "new", "org": "", "user": "", "login_url": org.url}
        self.state.write(connection(**new, **WAYS[way]))
        org.certificate, org.run_as = PUBLIC.decode(), org.integration_user_id
        org.approved.add(IDA)

    @property
    def office(self) -> Office:
        app = json.dumps(self.app)
        login = SalesforceAuthorisation(self.http, lambda: app, lambda: PRIVATE)
        return Office(self.state, self.vault, login, self.org.url, self.clock())

    @property
    def kept(self) -> Connection:
        found = self.state.read(Connection, CONNECTION)
        assert found
        return found

    def salesforce(self, kept: Connection, version: str = "67.0") -> SalesforceOrg:
        entry = renewing.Pass(kept, lambda: self.office)
        return SalesforceOrg(SalesforceRest(self.http, entry, version), CONNECTION, kept.user)

    def connect(self) -> Connection:
        if self.kept.authorise != "web":
            return connecting.connect_directly(
                self.kept, office=self.office, org=self.salesforce
            )
        words = iter(("state", VERIFIER))
        connecting.begin(
            self.kept,
            session="session",
            callback=CALLBACK,
            office=self.office,
            random=lambda: next(words),
        )
        code = allow(self.org)
        return connecting.finish(
            "state", code, session="session", office=self.office, org=self.salesforce
        )

    def look(self, version: str = "67.0") -> None:
        """When the access has expired."""
        self.org.expire_access_tokens()
        self.salesforce(self.kept, version).missing_objects()


@pytest.fixture
def bond(request: pytest.FixtureRequest) -> Iterator[Bond]:
    clock = Clock(datetime.now(UTC))  # which a JWT names
    with FakeSalesforce(clock=clock, client_secret=CLIENT_SECRET) as org:
        made = Bond(org, clock, request.param)
        yield made
        made.http.close()


def set_(**rules: object) -> Callable[[Bond], None]:
    def cause(bond: Bond) -> None:
        for name, value in rules.items():
            setattr(bond.org, name, value)

    return cause


def wrong_app(**secrets: str) -> Callable[[Bond], None]:
    return lambda bond: bond.app.update(secrets)


def freeze(bond: Bond) -> None:
    bond.org.frozen.add(bond.org.integration_user_id)


def deactivate(bond: Bond) -> None:
    bond.org.update("User", bond.org.integration_user_id, IsActive=False)


CASES: list[tuple[str, str, Callable[[Bond], object]]] = [
    ("web", "revoked", lambda bond: bond.org.revoke_all()),
    ("web", "idle", lambda bond: bond.clock.forward(days=31)),
    ("web", "revoked", lambda bond: bond.org.refresh_sandbox()),
    ("web", "IP refused", set_(ip_refused=True)),
    ("web", "scope missing", set_(app_scopes=("refresh_token", "id"))),
    ("jwt", "user not approved", lambda bond: bond.org.approved.clear()),
    ("jwt", "key wrong", set_(certificate=OTHER_PUBLIC.decode())),
    ("jwt", "other org", lambda bond: bond.org.refresh_sandbox()),
    ("jwt", "scope missing", set_(app_scopes=("refresh_token", "id"))),
    ("client", "no run-as user", set_(run_as=None)),
    ("client", "other org", lambda bond: bond.org.refresh_sandbox()),
    ("client", "other user", lambda bond: set_(run_as=bond.org.dispatcher_id)(bond)),
    ("client", "app secret wrong", wrong_app(client_secret="another")),
    ("web", "app secret wrong", wrong_app(client_secret="another")),
    *((way, "app unknown", wrong_app(client_id="another")) for way in WAYS),
    *((way, "app not installed", set_(app_installed=False)) for way in WAYS),
    *((way, "org suspended", set_(org_active=False)) for way in WAYS),
    *((way, "user frozen", freeze) for way in WAYS),
    *((way, "user inactive", deactivate) for way in WAYS),
]


@pytest.mark.parametrize(("bond", "end", "cause"), CASES, indirect=["bond"])
def test_an_org_that_shuts_us_out_is_told_by_its_cause_and_asked_no_more(
    bond: Bond, end: str, cause: Callable[[Bond], object]
) -> None:
    assert bond.connect().state == "connected"
    cause(bond)
    before = len(bond.org.token_requests)

    for _ in range(2):
        with pytest.raises(Lost):
            bond.look()

    assert (bond.kept.state, bond.kept.end) == ("lost", end)
    assert len(bond.org.token_requests) == before + 1


@pytest.mark.parametrize("bond", WAYS, indirect=True)
def test_a_retired_version_of_the_api_is_told_as_such(bond: Bond) -> None:
    bond.connect()

    with pytest.raises(Lost):
        bond.look("29.0")

    assert bond.kept.end == "API version retired"


@pytest.mark.parametrize("bond", WAYS, indirect=True)
def test_what_was_mended_is_connected_again(bond: Bond) -> None:
    bond.connect()
    bond.org.app_installed = False
    with pytest.raises(Lost):
        bond.look()
    bond.org.app_installed = True

    bond.connect()

    bond.look()
    assert (bond.kept.state, bond.kept.end, bond.kept.problem) == ("connected", "", "")
