"""The simulated org as an adapter meets it; who needs another makes its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.salesforce import FakeSalesforce
from tests.adapters.salesforce_work import NOW, connected, session
from tests.local.salesforce_setting import CLIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from fieldlink.adapters.salesforce import SalesforceOrg


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with session() as opened:
        yield opened


@pytest.fixture
def salesforce() -> Iterator[FakeSalesforce]:
    with FakeSalesforce(clock=lambda: NOW, client_secret=CLIENT["client_secret"]) as org:
        yield org


@pytest.fixture
def org(salesforce: FakeSalesforce, http: requests.Session) -> SalesforceOrg:
    return connected(salesforce, http)


@pytest.fixture
def rosa(salesforce: FakeSalesforce) -> str:
    return salesforce.add_resource("Rosa", "rosa@example.com")
