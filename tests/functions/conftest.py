"""A connection that stands, and the work that its org holds."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from fieldlink.records import Access, Connection, Listed, Tokens, WebhookKeys
from fieldlink.wiring import Services
from local.hypertrack import FakeHyperTrack
from local.salesforce import FakeSalesforce
from tests.conftest import ACCOUNT, ROSA, ROSAS_MAIL, SECRET_KEY, SITE, Pretended
from tests.functions.in_memory import House
from tests.local.salesforce_setting import CALLBACK, VERIFIER, allow

CONNECTION = "connection-of-the-tests_0123456789-abcdefgh"


@pytest.fixture
def connection(
    bundle: Services, salesforce: FakeSalesforce, hypertrack: FakeHyperTrack
) -> Connection:
    """As the console leaves it once an operator has connected both sides."""
    assert hypertrack.url
    grant = bundle.authorisation.exchange(
        salesforce.url, code=allow(salesforce), verifier=VERIFIER, callback=CALLBACK
    )
    tokens = Tokens(access_token=grant.access_token, refresh_token=grant.refresh_token)
    sealed = bundle.vault.seal(SECRET_KEY, connection=CONNECTION)
    made = Connection(
        connection=CONNECTION,
        state="connected",
        name="Tests",
        hypertrack_account=ACCOUNT,
        hypertrack_secret=sealed,
        login_url=salesforce.url,
        org=salesforce.org_id,
        user=salesforce.integration_user_id,
    )
    access = Access(
        connection=CONNECTION,
        tokens=bundle.vault.seal(tokens.model_dump_json(), connection=CONNECTION),
        instance_url=grant.instance_url,
    )
    keys = WebhookKeys(connection=CONNECTION, secrets=(sealed,))
    for record in (made, access, keys, Listed(connection=CONNECTION)):
        assert bundle.state.write(record)
    return made.model_copy(update={"version": 1})


class Job(NamedTuple):
    """Rosa's work: who, what, and the row that joins them."""

    rosa: str
    appointment: str
    assignment: str
    starts_at: datetime


@pytest.fixture
def job(salesforce: FakeSalesforce) -> Job:
    starts_at = datetime.now(UTC).replace(second=0, microsecond=0)
    rosa = salesforce.add_resource(ROSA, ROSAS_MAIL)
    appointment = salesforce.add_appointment(
        rosa, starts_at, Subject="Boiler", Latitude=SITE[0], Longitude=SITE[1]
    )
    [assigned] = salesforce.rows("AssignedResource")
    return Job(rosa, appointment, assigned["Id"], starts_at + timedelta(0))


@pytest.fixture
def house(aws: Pretended, bundle: Services) -> House:
    """The bundle, with DynamoDB and its queues in memory."""
    return House(bundle, aws.access)
