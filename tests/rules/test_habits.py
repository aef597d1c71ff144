"""The form of what is written: what is typed is what is meant, or is told to be wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldlink.connecting import habits
from fieldlink.console import settings_page
from fieldlink.errors import Refused
from fieldlink.models import Category, Kind
from fieldlink.practice import CATEGORIES, Practice
from fieldlink.records import Capabilities
from fieldlink.writing import wording
from tests.fakes import STATUSES
from tests.make import CONNECTION, NINE

BEGUN = habits.habits_of(Practice())
NAMES = st.text("abc ÄßД-", min_size=1, max_size=20).map(str.strip).filter(bool)


def typed(**fields: str) -> dict[str, str]:
    assert set(fields) <= set(BEGUN)
    return BEGUN | fields


@st.composite
def practices(draw: st.DrawFn) -> Practice:
    targets = st.sampled_from(habits.TARGETS)
    reached = st.sampled_from((Category.NONE, *habits.TARGETS))
    chosen = {name: draw(st.sampled_from(each)) for name, each in habits.CHOICES.items()}
    return Practice.model_validate(
        {
            **chosen,
            "categories": {kind: draw(reached) for kind in CATEGORIES},
            "statuses": draw(st.dictionaries(targets, NAMES)),
            "through": draw(st.dictionaries(targets, NAMES)),
            "words": draw(st.dictionaries(st.sampled_from([*wording.ENGLISH]), NAMES)),
            "exit_grace": draw(st.integers(1, 240)),
            "join": draw(st.integers(0, 480)),
            "work_type": draw(NAMES),
            "travel_type": draw(NAMES),
            "task_status": draw(NAMES),
            "distance_field": draw(st.sampled_from(["", "Travel_Distance__c"])),
        }
    )


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(practices())
def test_a_form_that_is_sent_as_it_stands_changes_nothing(practice: Practice) -> None:
    assert habits.checked_habits(habits.habits_of(practice)) == practice


def test_every_setting_of_what_is_written_has_an_input() -> None:
    inputs = {name.partition(".")[0] for name in BEGUN}
    grouped = {
        "categories": "category",
        "statuses": "status",
        "through": "through",
        "words": "word",
    }

    assert inputs == {grouped.get(name, name) for name in Practice.model_fields}


def test_what_is_typed_is_kept_and_what_is_not_sent_stays() -> None:
    sent = {
        "category.ARRIVED": "NONE",
        "status.COMPLETED": "  Done ",
        "through.COMPLETED": "On Site",
        "join": "0",
        "word.subject_arrived": "Angekommen",
        "unknown": "ignored",
    }

    practice = habits.checked_habits(habits.filled(BEGUN, sent))

    assert practice == Practice(
        categories={**CATEGORIES, Kind.ARRIVED: Category.NONE},
        statuses={Category.COMPLETED: "Done"},
        through={Category.COMPLETED: "On Site"},
        join=0,
        words={"subject_arrived": "Angekommen"},
    )


def test_a_name_that_is_needed_is_the_one_to_begin_with_when_it_is_left_empty() -> None:
    practice = habits.checked_habits(typed(work_type=" ", travel_type="", task_status=""))

    assert practice == Practice()


@pytest.mark.parametrize(("name", "least", "most"), [("exit_grace", 1, 240), ("join", 0, 480)])
def test_minutes_have_their_limits(name: str, least: int, most: int) -> None:
    for good in (least, most):
        assert getattr(habits.checked_habits(typed(**{name: str(good)})), name) == good
    for bad in (least - 1, most + 1, "", "soon", "1.5", "-1", "²", "9" * 400):
        with pytest.raises(Refused, match=f"are {least} to {most}"):
            habits.checked_habits(typed(**{name: str(bad)}))


@pytest.mark.parametrize("name", [*habits.CHOICES, "category.ARRIVED"])
def test_what_is_not_in_the_list_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="Choose"):
        habits.checked_habits(typed() | {name: "nonsense"})


@pytest.mark.parametrize("category", ["SCHEDULED", "InProgress", ""])
def test_no_fact_leads_back_to_the_start(category: str) -> None:
    with pytest.raises(Refused, match="Choose"):
        habits.checked_habits(typed() | {"category.ARRIVED": category})


@pytest.mark.parametrize(
    "name",
    ["status.COMPLETED", "through.COMPLETED", "work_type", "travel_type", "task_status"],
)
@pytest.mark.parametrize("text", ["x" * 81, "two\nlines", "a\x00b"])
def test_a_name_is_one_short_line(name: str, text: str) -> None:
    with pytest.raises(Refused, match="one line"):
        habits.checked_habits(typed() | {name: text})


@pytest.mark.parametrize("field", ["Status", "Travel__c; DROP", "Travel", "ä__c", "x" * 70])
def test_the_distance_goes_into_a_custom_field_only(field: str) -> None:
    with pytest.raises(Refused, match="custom field"):
        habits.checked_habits(typed(distance_field=field))


def test_a_text_of_ones_own_fills_in_what_the_english_one_does_and_nothing_else() -> None:
    own = typed() | {"word.arrived": "Ankunft von {who}"}
    wrong = typed() | {"word.arrived": "Ankunft von {name}"}

    assert habits.checked_habits(own).words == {"arrived": "Ankunft von {who}"}
    with pytest.raises(Refused, match=r"\{name\}"):
        habits.checked_habits(wrong)
    with pytest.raises(Refused, match="one line"):
        habits.checked_habits(typed() | {"word.arrived": "x" * 121})


def test_the_form_offers_the_words_that_the_org_is_known_to_have() -> None:
    able = Capabilities(
        connection=CONNECTION,
        checked_at=NINE,
        statuses=STATUSES,
        listed={"TimeSheetEntry.Type": ("Direct", "Indirect"), "Task.Status": ("Done",)},
    )

    known, unknown = (settings_page.written(BEGUN, each) for each in (able, None))

    assert known.statuses == tuple(each.name for each in STATUSES)
    assert (known.entry_types, known.task_statuses) == (("Direct", "Indirect"), ("Done",))
    assert (unknown.statuses, unknown.entry_types, unknown.task_statuses) == ((), (), ())


def test_texts_of_ones_own_are_shown_open_once_there_are_some() -> None:
    of_rows = BEGUN | {"word.arrived": "Angekommen"}
    of_outages = BEGUN | {"word.outage": "{who} ist seit {time} nicht zu sehen."}

    def opened(typed: dict[str, str]) -> list[bool]:
        return [each.own for each in settings_page.written(typed, None).texts]

    assert opened(of_rows) == [True, False]
    assert opened(of_outages) == [False, True]
    assert opened(BEGUN) == [False, False]


def test_every_text_that_may_be_ones_own_has_an_input() -> None:
    texts = settings_page.written(BEGUN, None).texts

    shown = {name for each in texts for name, _ in each.inputs}
    assert shown == {name for name in BEGUN if name.startswith("word.")}


def test_a_text_about_an_outage_is_checked_like_the_others() -> None:
    long = "x" * 250
    own = typed() | {"word.outage": "{who}: seit {time}", "word.cure_of_low_battery": long}

    assert habits.checked_habits(own).words == {
        "outage": "{who}: seit {time}",
        "cure_of_low_battery": long,
    }
    with pytest.raises(Refused, match=r"\{cure\}"):
        habits.checked_habits(typed() | {"word.outage": "{cure}"})
    with pytest.raises(Refused, match="one line"):
        habits.checked_habits(typed() | {"word.cure_of_low_battery": f"{long}x"})
