import pytest

from fieldlink.errors import Refused, Unavailable
from fieldlink.examining.findings import Check, Finding, Once, Report, Told, look, ok
from tests.make import CONNECTION, NINE


def failing(error: Exception) -> Told:
    raise error


@pytest.mark.parametrize("error", [Unavailable("down"), Refused("no"), KeyError("secret")])
def test_a_check_that_fails_is_unknown_and_the_others_are_made(error: Exception) -> None:
    checks = [Check("one", lambda: failing(error)), Check("other", lambda: ok("fine"))]

    one, other = look(checks)

    assert (one.state, other.state) == ("unknown", "ok")
    assert one.cure
    assert "secret" not in one.words  # a bug's own text may hold anything


@pytest.mark.parametrize(
    ("state", "healthy"),
    [("ok", True), ("warning", True), ("fault", False), ("unknown", False)],
)
def test_a_report_is_healthy_unless_something_is_broken_or_unknown(
    state: str, healthy: bool
) -> None:
    found = [
        Finding.model_validate({"check": each, "state": each, "words": ""})
        for each in ("ok", state)
    ]
    report = Report(connection=CONNECTION, name="Acme", at=NINE, findings=tuple(found))

    assert report.healthy is healthy
    assert report.worst_first[0].state == state


def test_what_is_asked_once_answers_everybody_alike() -> None:
    asked: list[str] = []
    answer, refusal = Once(lambda: asked.append("an answer")), Once(lambda: _no(asked))

    for _ in range(3):
        answer()
        with pytest.raises(Refused):
            refusal()

    assert asked == ["an answer", "a refusal"]


def _no(asked: list[str]) -> None:
    asked.append("a refusal")
    raise Refused("no")
