"""Introduces the adapters to each other. Each is made when it is first asked for."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.keyring import StateKeyRing
from fieldlink.adapters.secrets import KmsVault, Secrets
from fieldlink.adapters.sqs import SqsOutbox
from fieldlink.config import AwsAccess, Settings
from fieldlink.errors import Refused, Unavailable
from fieldlink.hearing.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from zoneinfo import ZoneInfo

    import requests

    from fieldlink.adapters.dynamodb import DynamoState
    from fieldlink.adapters.hypertrack import HyperTrackAccount
    from fieldlink.adapters.ledger import DynamoLedger
    from fieldlink.adapters.mail import SesMail
    from fieldlink.adapters.notices import SnsNotices
    from fieldlink.adapters.salesforce import Known, SalesforceOrg
    from fieldlink.adapters.salesforce_examination import SalesforceExamination
    from fieldlink.adapters.salesforce_oauth import SalesforceAuthorisation
    from fieldlink.adapters.spool import S3Spool
    from fieldlink.connecting.gate import Doorkeeper, Purpose
    from fieldlink.connecting.metering import CountingMeter
    from fieldlink.connecting.office import Office
    from fieldlink.errors import FieldlinkError
    from fieldlink.examining.findings import Case
    from fieldlink.ports import KeyRing, Vault
    from fieldlink.records import Access, Connection, Gate, Record
    from fieldlink.writing.desk import Desk


class Services:
    """Everything that the doors hand to the rules.

    The webhook door uses only what stands above the line; what stands below is imported when
    it is used, so that the door does not pay for it.
    """

    def __init__(self, settings: Settings, access: AwsAccess) -> None:
        self.settings = settings
        self._aws = Aws(access)
        self.vault: Vault = KmsVault(self._aws, settings.kms_key_id)
        self.key_ring: KeyRing = StateKeyRing(self._aws, settings.state_table, self.vault)
        self.events = SqsOutbox(self._aws, settings.events_queue_url)
        self.bursts = SqsOutbox(self._aws, settings.bursts_queue_url)
        self.lanes = Lanes(self.events, self.bursts)
        self._heard: dict[str, datetime] = {}  # see `Desk`
        self._zones: dict[tuple[str, str], tuple[datetime, ZoneInfo]] = {}

    # ──────────────────────────────────────────────────────────────────────────

    @cached_property
    def polls(self) -> SqsOutbox:
        return SqsOutbox(self._aws, self.settings.polls_queue_url)

    @cached_property
    def changes(self) -> SqsOutbox:
        return SqsOutbox(self._aws, self.settings.changes_queue_url)

    @cached_property
    def invites(self) -> SqsOutbox:
        return SqsOutbox(self._aws, self.settings.invites_queue_url)

    @property
    def queues(self) -> dict[str, SqsOutbox]:
        """Each by the name that a parked message calls it by."""
        return {
            "polls": self.polls,
            "changes": self.changes,
            "invites": self.invites,
            "events": self.events,
            "bursts": self.bursts,
        }

    @cached_property
    def state(self) -> DynamoState:
        from fieldlink.adapters.dynamodb import DynamoState

        return DynamoState(self._aws, self.settings.state_table)

    @cached_property
    def ledger(self) -> DynamoLedger:
        from fieldlink.adapters.ledger import DynamoLedger

        return DynamoLedger(
            self._aws, self.settings.ledger_table, int(self.settings.ledger_days)
        )

    @cached_property
    def meter(self) -> CountingMeter:
        from fieldlink.adapters.meter import DynamoMeter
        from fieldlink.connecting.metering import CountingMeter

        return CountingMeter(DynamoMeter(self._aws, self.settings.state_table))

    @cached_property
    def mail(self) -> SesMail:
        from fieldlink.adapters.mail import SesMail

        configuration = self.settings.mail_configuration
        return SesMail(self._aws, self.settings.mail_from, configuration)

    @cached_property
    def notices(self) -> SnsNotices:
        from fieldlink.adapters.notices import SnsNotices

        return SnsNotices(self._aws, self.settings.notices_topic)

    @cached_property
    def spool(self) -> S3Spool:
        """Imported only by those who need it; the webhook door seldom does."""
        from fieldlink.adapters.spool import S3Spool

        return S3Spool(self._aws, self.settings.spool_bucket)

    @cached_property
    def console_key(self) -> str:
        return Secrets(self._aws).read(self.settings.console_key_secret)

    @cached_property
    def authorisation(self) -> SalesforceAuthorisation:
        from fieldlink.adapters.salesforce_oauth import SalesforceAuthorisation

        # Read each time: token requests are rare, and the secrets may be changed at any time.
        app, jwt_key = (
            self.settings.salesforce_app_secret,
            self.settings.salesforce_jwt_key_secret,
        )
        secrets_ = Secrets(self._aws)
        return SalesforceAuthorisation(
            self._http, lambda: secrets_.read(app), lambda: secrets_.read(jwt_key)
        )

    @cached_property
    def _http(self) -> requests.Session:
        from http.cookiejar import DefaultCookiePolicy

        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        # Sixteen connections to each org; a batch's threads beyond that wait for one.
        session.mount("https://", HTTPAdapter(pool_maxsize=16, pool_block=True))
        session.trust_env = False  # no proxy and no .netrc of whoever's environment
        # One session serves every connection: no cookie of one org may go to another.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session

    def office(self) -> Office:
        """What connecting to Salesforce needs."""
        from fieldlink.connecting.office import Office

        return Office(
            state=self.state,
            vault=self.vault,
            authorisation=self.authorisation,
            own_login_url=self.settings.salesforce_login_url,
            now=now(),
        )

    def doorkeeper(
        self, connection: Connection, purpose: Purpose, gate: Gate | None = None
    ) -> Doorkeeper:
        """Says whether the org of a connection may be called, and logs when that changes.

        `gate`: as it has just been read.
        """
        from fieldlink.alarms import tell_gate
        from fieldlink.connecting.gate import Doorkeeper

        def tell(news: str) -> None:
            tell_gate(connection.connection, news)

        return Doorkeeper(connection, self.state, self.meter, now, purpose, tell, gate)

    def salesforce(
        self,
        connection: Connection,
        purpose: Purpose = "look",
        doorkeeper: Doorkeeper | None = None,  # one who is needed afterwards, too
        known: Known | None = None,  # this and `access`: as they have just been read
        access: Access | None = None,
    ) -> SalesforceOrg:
        """The org of a connection."""
        from fieldlink.adapters.salesforce import Known, SalesforceOrg
        from fieldlink.adapters.salesforce_rest import SalesforceRest
        from fieldlink.adapters.salesforce_soql import Wants
        from fieldlink.connecting.renewing import Pass
        from fieldlink.connecting.turnstile import Turnstile
        from fieldlink.records import Capabilities

        entry = Pass(connection, self.office, access)
        door = Turnstile(doorkeeper or self.doorkeeper(connection, purpose))
        rest = SalesforceRest(self._http, entry, self.settings.salesforce_api_version, door)
        name = connection.connection
        return SalesforceOrg(
            rest,
            name,
            connection.user,
            Wants.of(connection),
            lambda: Known.of(self.state.read(Capabilities, name)),
            known,
        )

    def examination(
        self, connection: Connection, doorkeeper: Doorkeeper
    ) -> SalesforceExamination:
        """The org of a connection, for the doctor."""
        from fieldlink.adapters.salesforce_examination import SalesforceExamination
        from fieldlink.connecting.renewing import Pass

        def scopes(token: str) -> frozenset[str] | None:
            return self.authorisation.scopes(connection.login_url, token=token)

        org = self.salesforce(connection, doorkeeper=doorkeeper)
        return SalesforceExamination(
            org, self._http, lambda: Pass(connection, self.office), scopes
        )

    def case(self, connection: Connection) -> Case:
        """What the doctor has at hand to look at a connection."""
        from fieldlink.examining.findings import Case

        doorkeeper = self.doorkeeper(connection, "look")
        return Case(
            connection=connection,
            org=self.examination(connection, doorkeeper),
            hypertrack=self.hypertrack(connection),
            mail=self.mail,
            queues={name.title(): each for name, each in self.queues.items()},
            state=self.state,
            ledger=self.ledger,
            vault=self.vault,
            api_version=self.settings.salesforce_api_version,
            now=now(),
            settle=doorkeeper.settle,
        )

    def hypertrack(self, connection: Connection) -> HyperTrackAccount:
        """The HyperTrack account of a connection."""
        sealed, name = connection.hypertrack_secret, connection.connection
        return self.hypertrack_account(
            connection.hypertrack_account, lambda: self.vault.open(sealed, connection=name)
        )

    def hypertrack_account(self, account: str, secret: Callable[[], str]) -> HyperTrackAccount:
        """Any account, by its keys."""
        from fieldlink.adapters.hypertrack import HyperTrackAccount

        return HyperTrackAccount(self._http, self.settings.hypertrack_api_url, account, secret)

    def desks(self, names: Sequence[str]) -> dict[str, Desk | FieldlinkError | None]:
        """What a worker needs to take reports of these connections; None where there is no such
        connection. What is stored of all of them as a whole is read in one call.
        """
        from fieldlink.records import Access, Capabilities, Connection, Gate

        kinds = (Connection, Capabilities, Gate, Access)
        try:
            found = self.state.read_beside(kinds, *names)
        except Refused as refusal:  # of one of them something can't be read
            if len(names) == 1:
                return {names[0]: refusal}
            return {name: self.desks([name])[name] for name in names}
        except Unavailable as error:
            return dict.fromkeys(names, error)
        stored = {name: [each for each in found if each.connection == name] for name in names}
        return {name: self._desk(name, records) for name, records in stored.items()}

    def _desk(self, name: str, stored: Sequence[Record]) -> Desk | None:
        from fieldlink.adapters.salesforce import Known
        from fieldlink.records import Access, Capabilities, Connection, Gate
        from fieldlink.writing.desk import Desk

        connection, able = _of(Connection, stored), _of(Capabilities, stored)
        if connection is None:
            return None
        gate = _of(Gate, stored) or Gate(connection=name)
        door = self.doorkeeper(connection, "write", gate)
        known, access = Known.of(able), _of(Access, stored)
        return Desk(
            connection=connection,
            state=self.state,
            salesforce=self.salesforce(connection, "write", door, known, access),
            hypertrack=self.hypertrack(connection),
            ledger=self.ledger,
            changes=self.changes,
            notices=self.notices,
            now=now(),
            low=lambda: self.salesforce(connection, "extra", None, known, access),
            capabilities=able,
            heard=self._heard,
            zones=self._zones,
        )


def _of[R: Record](kind: type[R], records: Iterable[Record]) -> R | None:
    return next((each for each in records if isinstance(each, kind)), None)


@cache
def services() -> Services:
    """The services of this execution environment."""
    return Services(Settings.from_env(), AwsAccess.from_env())


def now() -> datetime:
    """The clock, for doors to hand to rules."""
    return datetime.now(UTC)


def random_text() -> str:
    """43 characters that nobody can guess: a PKCE verifier takes 43 to 128."""
    return secrets.token_urlsafe(32)
