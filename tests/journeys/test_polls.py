"""Polls of one org never overlap, and one that dies loses nothing."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Lock
from typing import Any

from local.ministack import wait_until
from local.town import Town
from tests.journeys.setting import Scene, drive, kill, pause_workers, return_soon, state

LOOK = {"method": "POST", "path": "composite", "contains": "queryAll"}


class Meter:
    """A fault that delays calls and counts how many of them are going on at a time."""

    def __init__(self, seconds: float) -> None:
        self.seen = self.most = self._now = 0
        self._seconds = seconds
        self._lock = Lock()

    def wait(self, _longest: float) -> None:
        """In place of `threading.Event.wait`, which a fault's `hold` calls."""
        with self._lock:
            self.seen += 1
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._seconds)
        with self._lock:
            self._now -= 1


def metered(scene: Scene, seconds: float = 0.2) -> Meter:
    meter = Meter(seconds)
    scene.salesforce.faults.append({"match": LOOK, "hold": meter, "times": None})
    return meter


def tick(town: Town, slot: int = 1) -> Any:
    moment = town.clock() + slot * timedelta(minutes=5)
    return town.stack.invoke("StartPolls", {"time": moment.isoformat()})


def test_five_ticks_of_one_slot_at_once_start_one_poll(scene: Scene) -> None:
    meter = metered(scene)

    with ThreadPoolExecutor(5) as pool:
        started = list(pool.map(lambda _: tick(scene.town), range(5)))
    scene.town.settle()

    assert started == [{"started": 1, "woken": 0}] * 5
    assert meter.seen == 1


def test_polls_of_different_slots_queued_at_once_never_overlap(scene: Scene) -> None:
    meter = metered(scene)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda slot: tick(scene.town, slot), range(1, 6)))
    scene.town.settle()

    assert (meter.seen, meter.most) == (5, 1)


def test_of_five_pollers_at_once_one_moves_the_watermark_and_nothing_happens_twice(
    scene: Scene,
) -> None:
    """The queue does not let it come to that; should it ever, the fence holds."""
    ada = scene.hire()
    appointment = scene.book(ada)
    scene.town.clock.move_to(scene.town.clock() + timedelta(hours=1))
    meter = metered(scene, seconds=3)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda number: poll(scene, number), range(5)))
    scene.town.settle()
    scene.install(ada)

    assert (meter.seen, meter.most) == (5, 5)
    assert len(scene.town.stack.mails()) == 1
    assert len(scene.fences(appointment)) == 1
    outcomes = [line for line in scene.town.stack.logs() if '"message":"polled"' in line][-5:]
    idle = ('"outcome":"put off"', '"changed":0,')  # fenced off, or so late that all was done
    assert sum(not any(each in line for each in idle) for line in outcomes) == 1


def poll(scene: Scene, number: int) -> Any:
    """A poller of its own, past the queue."""
    body = json.dumps({"connection": scene.connection})
    record = {"messageId": f"m{number}", "body": body, "receiptHandle": "", "attributes": {}}
    return scene.town.stack.invoke("PollSalesforce", {"Records": [record]})


def test_a_poller_killed_in_the_middle_of_a_page_loses_nothing(scene: Scene) -> None:
    people = [scene.hire(f"Ada Number {number}") for number in range(5)]
    appointments = [scene.book(each) for each in people]
    scene.salesforce.page_size = 2
    scene.town.clock.move_to(scene.town.clock() + timedelta(minutes=5))
    never = Event()
    scene.salesforce.faults.append({"match": {"method": "GET", "path": "query"}, "hold": never})
    return_soon(scene.town, "Polls")
    before = {key for key in state(scene.town) if "resource#" in key}

    tick(scene.town, 0)
    wait_until(lambda: not scene.salesforce.faults, timeout=30, what="the second page")
    kill(scene.town, "poll_salesforce")
    never.set()
    scene.town.settle()
    for each in people:
        scene.install(each)

    assert before == set()
    assert len(scene.town.stack.mails()) == 5
    assert [len(scene.fences(each)) for each in appointments] == [1] * 5


def test_polls_and_webhooks_that_meet_an_expired_token_renew_it_once(scene: Scene) -> None:
    ada = scene.hire()
    appointment = scene.book(ada)
    scene.later()
    phone = scene.install(ada)
    known = len(refreshes(scene))
    renewing, asked = Event(), len(scene.salesforce.requests)
    scene.salesforce.expire_access_tokens()
    scene.salesforce.faults.append({"match": {"path": "oauth2/token"}, "hold": renewing})

    drive(phone)
    tick(scene.town)
    wait_until(lambda: expired(scene, asked) >= 2, timeout=30, what="two expired tokens")
    renewing.set()
    scene.town.settle()

    assert refreshes(scene)[known:] == [200]
    assert scene.appointment(appointment)["Status"] == "In Progress"
    assert "Connected" in scene.page()


def test_a_rotated_refresh_token_is_kept_time_after_time(scene: Scene) -> None:
    appointment = ""
    for _ in range(3):
        scene.salesforce.expire_access_tokens()
        ada = scene.hire()
        appointment = scene.book(ada)
        scene.later()
        scene.install(ada)

    assert refreshes(scene) == [200, 200, 200]
    assert [each.revoked for each in scene.salesforce.oauth.approvals] == [False]
    assert len(scene.fences(appointment)) == 1


def test_a_tick_without_news_is_one_call_of_salesforce(scene: Scene) -> None:
    scene.hire()
    scene.later()
    before = scene.salesforce.api_calls
    kept = state(scene.town)

    scene.later()

    assert scene.salesforce.api_calls == before + 1
    assert state(scene.town) == kept


def test_a_queue_that_stands_still_keeps_what_was_found(scene: Scene) -> None:
    """Polls of an hour's standstill come one after the other, and invite nobody twice."""
    pause_workers(scene.town)
    scene.hire()
    for slot in range(1, 4):
        tick(scene.town, slot)

    pause_workers(scene.town, paused=False)
    scene.town.settle()

    assert len(scene.town.stack.mails()) == 1


def refreshes(scene: Scene) -> list[int]:
    """The statuses of all requests for new tokens."""
    asked = scene.salesforce.token_requests
    return [each.status for each in asked if each.grant_type == "refresh_token"]


def expired(scene: Scene, since: int) -> int:
    return sum(each.status == 401 for each in scene.salesforce.requests[since:])
