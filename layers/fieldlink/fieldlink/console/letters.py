"""The invitation's words, and the console's pages: Jinja2 templates, HTML escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

INVITATION_SUBJECT = "Your invitation to the Visits App"


def invitation(name: str, link: str) -> tuple[str, str, str]:
    """Subject, text and HTML of the mail that brings a technician the Visits App."""
    words = {"name": name, "link": link}
    return (
        INVITATION_SUBJECT,
        page("invitation.txt", **words),
        page("invitation.html", **words),
    )


def page(template: str, **words: Any) -> str:
    """A template of `templates/`, filled in."""
    return _pages().get_template(template).render(words)


@cache
def _pages() -> Environment:
    return Environment(
        loader=PackageLoader("fieldlink", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
