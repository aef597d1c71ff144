"""What is parked, on its page: seen by cause, tried out, and replayed."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from fieldlink.records import Connection, Parked
from fieldlink.wiring import Services, now
from tests.conftest import Pretended
from tests.functions.calls import post_form
from tests.functions.conftest import CONNECTION
from tests.functions.test_pages import HOSTILE, Browser, minted

PAGE = f"/connections/{CONNECTION}/parked"
RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION: no visits on Sundays"
BUSY = "given up after 29 tries: Salesforce does not answer"


@pytest.fixture
def browser(bundle: Services, connection: Connection) -> Browser:
    assert bundle
    assert connection
    browser = Browser()
    assert browser.get("/setup", minted())["statusCode"] == 303
    return browser


def park(bundle: Services, number: int, cause: str = RULE, **more: Any) -> Parked:
    fields = {
        "connection": CONNECTION,
        "id": f"p{number}",
        "queue": "events",
        "body": f'{{"number":{number}}}',
        "group": f"g{number}",
        "cause": cause,
        "at": now() - timedelta(hours=20) + timedelta(minutes=number),
    }
    item = Parked.model_validate(fields | more)
    bundle.state.write_all([item])
    return item


def buttons(page: str, action: str) -> list[dict[str, str]]:
    """What each form of a page with this action sends."""
    forms = re.findall(rf'<form[^>]*action="{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
    hidden = (re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', each) for each in forms)
    return [{name: unescape(text) for name, text in each} for each in hidden]


def left(bundle: Services) -> set[str]:
    return {each.id for each in bundle.state.all_of(Parked, CONNECTION)}


def press(browser: Browser, fields: dict[str, str]) -> dict[str, Any]:
    return browser.send(post_form(f"{PAGE}/replay", **fields))


def test_causes_are_on_the_connection_s_page_and_lead_to_theirs(
    bundle: Services, browser: Browser
) -> None:
    for number in range(3):
        park(bundle, number)
    park(bundle, 9, BUSY)

    connection = browser.get(f"/connections/{CONNECTION}")["body"]
    group = re.findall(r"parked\?group=(\w+)", connection)
    page = browser.get(PAGE, f"group={group[0]}")["body"]

    assert len(group) == 2
    assert RULE in page
    assert BUSY not in page
    assert "3 parked from" in page
    assert "validation rule" in page
    assert page.count(">Replay</button>") == 3


def test_a_dry_run_lists_what_would_be_replayed_and_sends_nothing(
    aws: Pretended, bundle: Services, browser: Browser
) -> None:
    for number in range(60):
        park(bundle, number)
    before = browser.get(PAGE)["body"]
    [dry] = [each for each in buttons(before, PAGE) if "dry" in each]

    page = browser.get(PAGE, "&".join(f"{name}={text}" for name, text in dry.items()))["body"]

    assert ">Replay</button>" not in before
    assert "60 would be sent again; the last 50 of them are:" in page
    assert page.count(">Replay</button>") == 50
    assert "and 10 before them" in page
    assert len(left(bundle)) == 60
    assert aws.queued(bundle.settings.events_queue_url) == []


def test_all_of_one_cause_are_sent_again_and_the_others_stay(
    aws: Pretended, bundle: Services, browser: Browser
) -> None:
    for number in range(3):
        park(bundle, number, queue=("events", "bursts", "changes")[number])
    park(bundle, 9, BUSY)
    of_rule, _ = buttons(browser.get(PAGE)["body"], f"{PAGE}/replay")

    page = press(browser, of_rule)["body"]

    settings = bundle.settings
    urls = (settings.events_queue_url, settings.bursts_queue_url, settings.changes_queue_url)
    sent = [each for url in urls for each in aws.queued(url)]
    assert sent == ['{"number":0}', '{"number":1}', '{"number":2}']
    assert left(bundle) == {"p9"}
    assert "3 were sent again" in page


def test_what_is_refused_anew_is_not_sent_by_the_same_button_twice(
    aws: Pretended, bundle: Services, browser: Browser
) -> None:
    park(bundle, 0)
    [button] = buttons(browser.get(PAGE)["body"], f"{PAGE}/replay")
    press(browser, button)
    park(bundle, 0, at=now())

    page = press(browser, button)["body"]

    assert "0 were sent again" in page
    assert left(bundle) == {"p0"}
    assert len(aws.queued(bundle.settings.events_queue_url)) == 1


def test_a_filter_narrows_what_is_shown_and_what_is_replayed(
    bundle: Services, browser: Browser
) -> None:
    for number in range(4):
        park(bundle, number, queue="changes" if number == 2 else "events")

    page = browser.get(PAGE, "queue=changes")["body"]
    [button] = buttons(page, f"{PAGE}/replay")[:1]
    by_id = browser.get(PAGE, 'about="number":3')["body"]
    press(browser, button)

    assert "1 parked at" in page
    assert '<option value="changes" selected>' in page
    assert "1 parked at" in by_id
    assert left(bundle) == {"p0", "p1", "p3"}


def test_a_filter_that_nothing_fits_or_that_can_not_be_read_says_so(
    bundle: Services, browser: Browser
) -> None:
    park(bundle, 0)

    assert "Nothing that fits is parked." in browser.get(PAGE, "queue=polls")["body"]
    assert "Show all that is parked" in browser.get(PAGE, "queue=polls")["body"]
    assert browser.get(PAGE, "since=yesterday")["statusCode"] == 400


def test_nothing_parked_is_said(browser: Browser) -> None:
    assert "Nothing is parked." in browser.get(PAGE)["body"]


def test_one_is_sent_again_from_its_line(
    aws: Pretended, bundle: Services, browser: Browser
) -> None:
    park(bundle, 0)
    park(bundle, 1)

    answer = browser.post(f"{PAGE}/p1/replay")

    assert answer["statusCode"] == 303
    assert aws.queued(bundle.settings.events_queue_url) == ['{"number":1}']
    assert left(bundle) == {"p0"}


def test_causes_and_filters_are_text_on_the_page(bundle: Services, browser: Browser) -> None:
    park(bundle, 0, HOSTILE, body=f'{{"resource":"{HOSTILE[:20]}"}}')

    for query in ("", "cause=<script>", 'about="><script>'):
        page = browser.get(PAGE, query)["body"]
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
