"""`python -m local doctor`: the bundle on this machine, connected, and what its doctor says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.town import ACCOUNT, Town

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDER = ("fault", "unknown", "warning", "ok")


def examined(say: Callable[[str], None], built: Path | None = None) -> dict[str, Any]:
    """What an invocation of the doctor answers."""
    with Town(datetime.now(UTC), built=built, say=say) as town:
        connection = town.connect(town.operator())
        town.hypertrack.send_test_event(ACCOUNT)
        town.tick()
        say("connected, looked at once, and the webhook tested")
        request = {"action": "doctor", "connection": connection}
        found: dict[str, Any] = town.stack.invoke("Console", request)
    return found


def table(found: dict[str, Any]) -> str:
    """The worst first, each with its cure on a line of its own."""
    lines = []
    for report in found["reports"]:
        lines += [f"{report['name']}: {'healthy' if report['healthy'] else 'not healthy'}", ""]
        told = report["findings"]
        widest = max(len(each["check"]) for each in told)
        for each in sorted(told, key=lambda each: ORDER.index(each["state"])):
            lines.append(f"{each['state']:8} {each['check']:{widest}}  {each['words']}")
            if each["cure"]:
                lines.append(f"{'':8} {'':{widest}}  → {each['cure']}")
    return "\n".join(lines)
