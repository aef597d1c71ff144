"""What the documents say is there is there."""

import json
import re
from pathlib import Path

import pytest

from fieldlink.books import asking
from fieldlink.connecting.ends import ENDS
from fieldlink.hearing.meanings import TABLE, Meaning
from fieldlink.replaying import Choice
from fieldlink.trouble.causes import OTHERS, REASONS
from local.cloudformation import read_template

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = [README, *sorted((ROOT / "docs").rglob("*.md"))]
TEMPLATE = read_template(ROOT / "template.yaml")
LINK = re.compile(r"\]\(([^)#:]+)\)")
MAKE = re.compile(r"(?:^|`)make ([a-z]+)\b", re.MULTILINE)
ALARM = re.compile(r"`(\w+(?:Alarm|Failing|Throttled))`")


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = [to for to in LINK.findall(path.read_text()) if not (path.parent / to).exists()]

    assert broken == []


def test_every_make_target_that_is_named_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for path in DOCS for target in MAKE.findall(path.read_text())}

    assert named - targets == set()
    assert {"run", "test", "deploy", "doctor"} <= named


def test_every_end_of_a_connection_is_explained_as_the_console_does() -> None:
    rows = "".join(f"| {name} | {end.words} | {end.cure} |\n" for name, end in ENDS.items())

    assert rows in text("operating.md")


def test_every_reason_of_an_outage_is_explained_as_the_dispatcher_is_told() -> None:
    for table in (REASONS, OTHERS):
        rows = (f"| `{name}` | {each.words} | {each.cure} |\n" for name, each in table.items())
        assert "".join(rows) in text("outages.md")


def rows_on_webhooks() -> list[tuple[str, str]]:
    """Each with a type that its section is about."""
    sections = [
        part.partition("\n") for part in text("webhooks.md").split("\n## ") if "| ---" in part
    ]
    return [
        (type_, line)
        for heading, _, body in sections
        for type_ in re.findall(r"`(\w+)`", heading)
        for line in body.splitlines()
        if line.startswith("| ") and not line.startswith(("| value |", "| ---"))
    ]


def explained(value: str, meaning: Meaning) -> str:
    name = f"`{value}`" if value else "any"
    return f"| {name} | {meaning.kind or 'ignored'} | {meaning.words} |"


def test_every_webhook_is_explained_as_it_is_decided() -> None:
    decided = {
        (type_, explained(value, each))
        for type_, values in TABLE.items()
        for value, each in values.items()
    }

    assert decided - set(rows_on_webhooks()) == set()


def test_no_webhook_is_explained_otherwise_than_it_is_decided() -> None:
    decided = {explained(*each) for values in TABLE.values() for each in values.items()}

    assert {line for _, line in rows_on_webhooks()} == decided


def test_every_parameter_of_the_stack_is_listed() -> None:
    listed = set(re.findall(r"`(\w+)`", text("deploying.md").partition("## Parameters")[2]))

    assert set(TEMPLATE["Parameters"]) <= listed


def test_every_alarm_is_explained_and_no_other_is() -> None:
    alarms = {
        name
        for name, each in TEMPLATE["Resources"].items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }

    assert set(ALARM.findall(text("operating.md"))) == alarms


def test_every_output_that_is_named_is_one() -> None:
    outputs = set(TEMPLATE["Outputs"])
    named = {
        name for path in DOCS for name in re.findall(r"outputs? `(\w+)`", path.read_text())
    }

    assert named
    assert named <= outputs


def test_every_output_of_the_stack_is_listed() -> None:
    listed = set(re.findall(r"`(\w+)`", text("deploying.md").partition("## Outputs")[2]))

    assert set(TEMPLATE["Outputs"]) <= listed


def payloads() -> list[dict[str, object]]:
    """Whatever an operator is told to ask AnswerOperator, with an id where one goes."""
    told = re.findall(r'\{"action":[^`\n]*?\}(?=[\'`])', text("operating.md"))
    read = [json.loads(each.replace("<id>", "c")) for each in told]
    return [each for each in read if each["action"] != "doctor"]


@pytest.mark.parametrize("payload", payloads(), ids=str)
def test_every_payload_that_is_shown_is_understood(payload: dict[str, object]) -> None:
    assert asking.read(payload).action == payload["action"]


def test_every_question_and_every_filter_is_shown() -> None:
    shown = text("operating.md")

    assert {str(each["action"]) for each in payloads()} == set(asking.ACTIONS)
    assert [each for each in Choice._fields if f"`{each}`" not in shown] == []


def test_the_readme_shows_every_folder() -> None:
    shown = set(re.findall(r"^\| `([a-z]+)/", README.read_text(), re.MULTILINE))
    folders = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith((".", "__")) and "egg" not in path.name
    }

    assert shown == folders
