"""The org shuts us out, runs out of calls, hides rows or calls us: nothing is lost by it."""

import json
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import requests

from local.http import session
from local.town import Town
from tests.journeys.setting import Scene, items, visit

FACTS = ("clocked in", "arrived", "checked out", "left")
APPLIED = {(kind, "applied"): 1 for kind in FACTS}
NUDGE = re.compile(r"<code>([^<]*/nudges/salesforce/[^<]*)</code>")
NUDGE_KEY = re.compile(r"<code>Authorization: Bearer ([^<]*)</code>")


def ready(scene: Scene) -> tuple[str, str, Any]:
    """A technician with the app, the appointment's geofence, and the way through the visit."""
    ada = scene.hire()
    boiler = scene.book(ada)
    scene.later()
    phone = scene.install(ada)
    geofence = scene.fence(boiler).geofence_id

    def go() -> None:
        visit(phone, geofence)
        scene.town.settle()

    return boiler, ada, go


def held(scene: Scene) -> int:
    """How many messages wait for the org."""
    return sum(
        each["sk"].startswith("held#")
        for each in items(scene.town, "StateTable")
        if each["pk"] == scene.connection
    )


def lines(scene: Scene, message: str) -> list[dict[str, Any]]:
    """The log lines with this message."""
    found = [json.loads(line) for line in scene.town.stack.logs() if line.startswith("{")]
    return [line for line in found if line.get("message") == message]


def check_visit(scene: Scene, appointment: str, resource: str) -> None:
    assert scene.appointment(appointment)["Status"] == "Completed"
    subjects = [each["Subject"].partition(":")[0] for each in scene.events(appointment)]
    assert subjects == ["Arrived", "Checked out", "Left"]
    assert len(scene.entries(resource)) == 1
    assert scene.outcomes(*FACTS) == APPLIED


def test_what_is_reported_while_the_access_is_revoked_is_written_after_reconnecting(
    scene: Scene,
) -> None:
    appointment, resource, go = ready(scene)
    scene.salesforce.revoke_all()

    go()
    scene.later()

    assert held(scene) >= 3
    assert scene.appointment(appointment)["Status"] == "Scheduled"
    page = scene.page()
    assert "Reconnect needed" in page
    assert "Waiting for Salesforce" in page
    assert len(lines(scene, "connection lost")) == 1

    scene.operator.connect(scene.connection).raise_for_status()
    scene.town.settle()

    assert held(scene) == 0
    assert "Reconnect needed" not in scene.page()
    check_visit(scene, appointment, resource)


def test_when_the_org_has_no_calls_left_writes_wait_and_go_on_by_themselves(
    scene: Scene,
) -> None:
    appointment, resource, go = ready(scene)
    scene.salesforce.daily_limit = scene.salesforce.api_calls

    go()
    scene.later()

    assert held(scene) >= 3
    assert scene.appointment(appointment)["Status"] == "Scheduled"
    assert len(lines(scene, "salesforce paused")) == 1

    scene.salesforce.daily_limit = 100_000
    scene.later()

    assert held(scene) == 0
    assert len(lines(scene, "salesforce resumed")) == 1
    check_visit(scene, appointment, resource)


def test_a_connection_by_jwt_needs_no_browser_at_salesforce(town: Town) -> None:
    private, public = key_pair()
    name = town.salesforce.row("User", town.salesforce.integration_user_id)["Username"]
    town.salesforce.certificate = public
    town.salesforce.approved.add(name)
    secret = town.stack.secret_id("SalesforceJwtKey")
    town.stack.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=private)
    operator = town.operator()
    connection = operator.new_connection(
        name="Acme",
        account="acme-account-id",
        secret="acme-secret-key",
        authorise="jwt",
        username=name,
    )

    answer = operator.post(f"/connections/{connection}/connect")
    town.settle()
    town.salesforce.expire_access_tokens()
    ada = town.salesforce.add_resource("Ada Lovelace", "ada@example.com")
    town.clock.move_to(town.clock() + timedelta(minutes=5))
    town.tick()

    assert answer.status_code == 200
    assert "Connected" in answer.text
    assert town.salesforce.oauth.approvals == []
    assert len(town.stack.mails()) == 1
    assert ada in {each.worker_handle for each in town.hypertrack.invites}


def key_pair() -> tuple[str, str]:
    """A private key and its public one, both in PEM."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    public = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def test_salesforce_may_wake_the_poller_but_not_too_often(scene: Scene) -> None:
    page = scene.page()
    [address], [key] = NUDGE.findall(page), NUDGE_KEY.findall(page)
    scene.hire()
    before = scene.salesforce.api_calls

    answers = [nudge(address, key) for _ in range(3)]
    scene.town.settle()

    assert [each.status_code for each in answers] == [202] * 3
    assert scene.salesforce.api_calls == before + 1
    assert len(scene.town.stack.mails()) == 1
    assert nudge(address, key[::-1]).status_code == 401


def nudge(address: str, key: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return session().post(address, headers=headers, timeout=30)


def test_the_night_finds_what_is_shared_no_more_and_what_was_deleted_for_good(
    scene: Scene,
) -> None:
    ada = scene.hire()
    kept, hidden, gone = scene.book(ada), scene.book(ada, 3), scene.book(ada, 4)
    scene.later()
    scene.install(ada)
    scene.salesforce.hidden.add(hidden)
    scene.salesforce.delete("ServiceAppointment", gone)
    scene.salesforce.empty_recycle_bin()

    night(scene)

    assert [len(scene.fences(each)) for each in (kept, hidden, gone)] == [1, 0, 0]
    page = scene.page()
    assert "Out of sight" in page
    assert (hidden in page, gone in page, kept in page) == (True, True, False)

    scene.salesforce.hidden.clear()
    night(scene)

    assert [len(scene.fences(each)) for each in (kept, hidden, gone)] == [1, 1, 0]
    assert hidden not in scene.page()


def night(scene: Scene) -> None:
    """A day later, EventBridge starts the reconciliation."""
    scene.town.clock.move_to(scene.town.clock() + timedelta(minutes=1))
    nights = getattr(scene, "nights", 0) + 1
    scene.nights = nights  # type: ignore[attr-defined]
    moment = scene.town.clock() + timedelta(days=nights)
    scene.town.stack.invoke("Reconcile", {"time": moment.isoformat()})
    scene.town.settle()


def test_a_tick_of_fifty_connections_ends_and_idle_ones_take_one_call_each(town: Town) -> None:
    # A user can approve an app five times only; this way needs no approval.
    town.salesforce.run_as = town.salesforce.integration_user_id
    operator = town.operator()
    for number in range(50):
        account, secret = f"account-{number}", f"secret-key-{number}"
        town.hypertrack.add_account(account, secret)
        connection = operator.new_connection(
            name=account, account=account, secret=secret, authorise="client"
        )
        operator.post(f"/connections/{connection}/connect").raise_for_status()
    town.settle()
    town.clock.move_to(town.clock() + timedelta(minutes=30))
    town.tick()
    before, kept = town.salesforce.api_calls, items(town, "StateTable")

    town.clock.move_to(town.clock() + timedelta(minutes=5))
    town.tick()

    assert town.salesforce.api_calls == before + 50
    after = items(town, "StateTable")
    assert Counter(map(str, after)) == Counter(map(str, kept))
