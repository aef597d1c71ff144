"""Events as AWS really sends them, one file each, through the function that they are named for.

`events/<function>.<case>.json`; a file that is added is run. The queue's receipts are of no
queue, so none of the messages may have to come again.
"""

import importlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fieldlink.records import Connection, Invitation, Listed, WebhookKeys, Worker
from fieldlink.wiring import Services
from local.hypertrack import FakeHyperTrack
from tests.conftest import ACCOUNT, SECRET_KEY
from tests.functions.calls import CONTEXT

EVENTS = sorted((Path(__file__).resolve().parent.parent / "events").glob("*.*.json"))
CONNECTION = "golden-connection_0123456789-abcdefghijklmno"
INVITED = "0Hn000000000001CAA"

# What each event must come to; a worker's must leave no message behind.
STATUSES = {
    "receive_webhook.array": 200,
    "receive_webhook.base64": 200,
    "receive_webhook.forged": 401,
    "receive_webhook.unknown_connection": 404,
    "receive_webhook.no_body": 400,
    "console.home_without_session": 403,
    "console.setup_with_forged_link": 400,
    "console.post_without_session": 403,
    "finish_oauth.without_session": 403,
    "receive_nudge.forged": 401,
    "receive_nudge.without_key": 401,
}
ANSWERS: dict[str, Any] = {
    "start_polls.scheduled": {"started": 1, "woken": 0},
    "reconcile.scheduled": {"started": 1, "people": 0},
    "take_up_deliveries.scheduled": {"taken_up": 0},
    "note_mail.bounced": {"noted": True},
    "note_mail.complaint": {"noted": True},
    "note_mail.rejected": {"noted": True},
    "note_mail.another_mail": {"noted": False},
    "answer_operator.explain": {
        "record": "08p000000000001AAA",
        "problem": "nothing was reported about it, or it was erased",
    },
    "answer_operator.export": {
        "keys": [],
        "rows": 0,
        "fetch": f"aws s3 cp --recursive s3://spool-bucket/exports/{CONNECTION}/ .",
    },
    "answer_operator.erase_dry_run": {
        "gone": {"Worker": 1},
        "stays": {},
        "dry_run": True,
        "next": "",
    },
    "answer_operator.parked": {"parked": 0, "groups": []},
    "answer_operator.replay_dry_run": {"parked": 0, "dry_run": True, "groups": []},
    "answer_operator.redrive": {"error": "this queue has no dead-letter queue"},  # moto's
    "answer_operator.unknown_action": {
        "error": "action is one of verify_ledger, explain, export, erase, parked, replay,"
        " redrive"
    },
    "answer_operator.unknown_connection": {"error": "there is no such connection"},
}
NOTHING_LEFT: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def connected(bundle: Services, hypertrack: FakeHyperTrack) -> Services:
    """The connection that the events name. Its org is not reached by any of them."""
    assert hypertrack.url
    sealed = bundle.vault.seal(SECRET_KEY, connection=CONNECTION)
    connection = Connection(
        connection=CONNECTION,
        state="connected",
        name="Golden",
        hypertrack_account=ACCOUNT,
        hypertrack_secret=sealed,
        login_url=bundle.settings.salesforce_login_url,
    )
    keys = WebhookKeys(connection=CONNECTION, secrets=(sealed,))
    invitation = Invitation(state="sent", at=datetime(2026, 3, 4, 12, 0, 0, 123_456, UTC))
    worker = Worker(connection=CONNECTION, resource=INVITED, invitation=invitation)
    for record in (connection, keys, worker, Listed(connection=CONNECTION)):
        assert bundle.state.write(record)
    return bundle


def case(path: Path) -> str:
    return path.name.removesuffix(".json")


@pytest.mark.parametrize("path", EVENTS, ids=case)
def test_an_event_of_aws_goes_through_its_function(connected: Services, path: Path) -> None:
    assert connected
    function = importlib.import_module(f"functions.{path.name.partition('.')[0]}")

    answer = function.lambda_handler(json.loads(path.read_text()), CONTEXT)

    name = case(path)
    if name in STATUSES:
        assert answer["statusCode"] == STATUSES[name]
    elif name == "console.mint_setup_link":
        assert answer["setup_link"].startswith("https://example.execute-api")
    elif name == "answer_operator.verify_ledger":
        [day] = answer["days"]
        assert (answer["whole"], day["day"], day["rows"]) == (True, "2026-03-04", 0)
    elif name == "console.doctor":
        [report] = answer["reports"]
        assert (report["connection"], answer["healthy"]) == (CONNECTION, False)
    else:
        assert answer == ANSWERS.get(name, NOTHING_LEFT)


def test_every_function_has_an_event() -> None:
    functions = {
        path.stem for path in Path(__file__).resolve().parents[1].glob("functions/*.py")
    }

    assert {path.name.partition(".")[0] for path in EVENTS} == functions


@pytest.mark.parametrize("name", [*STATUSES, *ANSWERS])
def test_an_event_whose_answer_is_written_down_is_there(name: str) -> None:
    assert name in {case(path) for path in EVENTS}
