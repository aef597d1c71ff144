"""Several connections on one stack, and the end of one."""

import json

from local.ministack import wait_until
from local.town import SECRET, Town
from tests.journeys.setting import Scene, state, visit

OTHER, OTHER_SECRET = "other-account-id", "other-secret-key"


def two(town: Town) -> tuple[Scene, Scene]:
    town.hypertrack.add_account(OTHER, OTHER_SECRET)
    return Scene(town), Scene(town, OTHER, OTHER_SECRET)


def own_state(scene: Scene) -> dict[str, str]:
    return {key: text for key, text in state(scene.town).items() if scene.connection in key}


def test_a_webhook_of_one_connection_never_touches_another(town: Town) -> None:
    one, other = two(town)
    ada, bob = one.hire(), one.hire("Bob Noyce")
    boiler, pump = one.book(ada), one.book(bob)
    one.later()
    phone, _ = one.install(ada), other.install(bob)
    before = own_state(other), other.ledger(), other.salesforce.row("ServiceAppointment", pump)

    visit(phone, one.fence(boiler).geofence_id)
    town.settle()

    assert one.appointment(boiler)["Status"] == "Completed"
    after = own_state(other), other.ledger(), other.salesforce.row("ServiceAppointment", pump)
    assert after == before
    assert (other.fences(boiler), one.fences(pump)) == ([], [])


def test_two_connections_work_at_the_same_time(town: Town) -> None:
    one, other = two(town)
    ada, bob = one.hire(), one.hire("Bob Noyce")
    boiler, pump = one.book(ada), one.book(bob)
    one.later()
    phones = one.install(ada), other.install(bob)

    visit(phones[0], one.fence(boiler).geofence_id)
    visit(phones[1], other.fence(pump).geofence_id)
    town.settle()

    for appointment, resource in ((boiler, ada), (pump, bob)):
        assert one.appointment(appointment)["Status"] == "Completed"
        assert len(one.events(appointment)) == 3
        assert len(one.entries(resource)) == 1
    page = one.operator.open("/").text
    assert (f"/connections/{one.connection}" in page, OTHER in page) == (True, True)


def test_a_connections_secret_opens_no_other_connection(town: Town) -> None:
    one, other = two(town)
    before = own_state(one), own_state(other)
    town.hypertrack.set_webhook(OTHER, one.operator.webhook_url(one.connection))

    delivery = town.hypertrack.send_raw(OTHER, json.dumps([{"type": "battery"}]).encode())
    town.settle()

    assert delivery.status == 401
    assert (own_state(one), own_state(other)) == before


def test_disconnecting_leaves_nothing_but_the_ledger(scene: Scene) -> None:
    ada = scene.hire()
    boiler, pump = scene.book(ada), scene.book(ada, 5)
    scene.later()
    phone = scene.install(ada)
    visit(phone, scene.fence(boiler).geofence_id)
    scene.town.settle()
    ledger = scene.ledger()
    assert len(scene.fences(pump)) == 1

    scene.operator.post(f"/connections/{scene.connection}/disconnect").raise_for_status()
    scene.town.settle()
    scene.later()

    assert scene.hypertrack.geofences(scene.account) == []
    assert [each.revoked for each in scene.salesforce.oauth.approvals] == [True]
    assert scene.ledger() == ledger
    assert "Disconnected" in scene.page()
    check_erased(scene)
    check_silent(scene)


def check_erased(scene: Scene) -> None:
    """No item holds a sealed secret any more."""
    kept = own_state(scene)
    assert f"{scene.connection} access" not in kept
    assert f"{scene.connection} webhook" not in kept
    connection = json.loads(kept[f"{scene.connection} connection"])
    assert (connection["state"], connection["hypertrack_secret"]) == ("ended", "")
    assert [
        key for key, text in kept.items() if '"secrets"' in text or '"tokens"' in text
    ] == []
    assert SECRET not in "".join(kept.values())


def check_silent(scene: Scene) -> None:
    """Neither vendor is asked anything, and late webhooks are turned away.

    For some seconds the door believes what it has read; what it took is ignored.
    """

    def late() -> int | None:
        told = json.dumps([{"type": "battery"}]).encode()
        return scene.hypertrack.send_raw(scene.account, told).status

    wait_until(lambda: late() == 404, timeout=30, what="forgetting a connection")
    scene.later()
    asked = len(scene.salesforce.requests), len(scene.hypertrack.requests)
    before = state(scene.town), scene.ledger()

    assert late() == 404
    scene.later()

    assert (len(scene.salesforce.requests), len(scene.hypertrack.requests)) == asked
    assert (state(scene.town), scene.ledger()) == before
