"""The invitation's words."""

from __future__ import annotations

from fieldlink.console import letters

LINK = "https://visits.example.com/ada?a=1&b=2"


def test_the_mail_has_the_link_in_text_and_html() -> None:
    subject, text, html = letters.invitation("Ada", LINK)

    assert subject == "Your invitation to the Visits App"
    assert f"\n{LINK}\n" in text
    assert 'href="https://visits.example.com/ada?a=1&amp;b=2"' in html
    assert text.startswith("Hello Ada,")


def test_a_name_can_not_bring_html_along() -> None:
    _, text, html = letters.invitation("<b>Ada</b>", LINK)

    assert "&lt;b&gt;Ada&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "<b>Ada</b>" in text


def test_a_page_says_what_it_is_given_and_escapes_it() -> None:
    assert "5 &lt; 6" in letters.page("message.html", text="5 < 6")
