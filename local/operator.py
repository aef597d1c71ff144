"""An operator with a browser: uses the console's real pages, and nothing else."""

import html
import re
from urllib.parse import urljoin

import requests

from local.http import session

TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
WEBHOOK = re.compile(r"<code>([^<]*/webhooks/hypertrack/[^<]*)</code>")
CONSENT = re.compile(r'<form[^>]*action="([^"]*)"', re.IGNORECASE)
HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>', re.IGNORECASE)


class Operator:
    """One browser."""

    def __init__(self, console_url: str) -> None:
        self.browser = session()
        self._console = console_url

    def enter(self, setup_link: str) -> requests.Response:
        """Open a setup link; where it leads is the console."""
        return self.browser.get(setup_link, timeout=30)

    def open(self, path: str) -> requests.Response:
        return self.browser.get(urljoin(self._console, path), timeout=30)

    def post(self, path: str, **fields: str) -> requests.Response:
        """Send a form of the page that the console shows first, and follow where it leads."""
        found = TOKEN.search(self.open("/").text)
        token = found.group(1) if found else ""
        return self.browser.post(
            urljoin(self._console, path), data={"form_token": token, **fields}, timeout=30
        )

    def new_connection(self, *, name: str, account: str, secret: str, **fields: str) -> str:
        """Fill in the form; returns the connection's id."""
        answer = self.post(
            "/connections",
            **{
                "name": name,
                "account": account,
                "secret": secret,
                "radius": "100",
                "early_hours": "12",
                **fields,
            },
        )
        answer.raise_for_status()
        return answer.url.rpartition("/")[2]

    def connect(self, connection: str, *, allow: bool = True) -> requests.Response:
        """Through Salesforce's consent page and back; the page where that ends."""
        consent = self.post(f"/connections/{connection}/connect")
        return self.browser.post(
            *consent_form(consent, "allow" if allow else "deny"), timeout=30
        )

    def webhook_url(self, connection: str) -> str:
        """What the page says to paste into HyperTrack."""
        found = WEBHOOK.search(self.open(f"/connections/{connection}").text)
        if found is None:
            raise LookupError("the page shows no webhook URL")
        return html.unescape(found.group(1))


def consent_form(page: requests.Response, decision: str) -> tuple[str, dict[str, str]]:
    """Where Salesforce's consent page posts to, and what, when a button is pressed."""
    fields = {}
    for tag in HIDDEN.findall(page.text):
        pair = dict(re.findall(r'(name|value)="([^"]*)"', tag))
        fields[pair["name"]] = html.unescape(pair.get("value", ""))
    found = CONSENT.search(page.text)
    action = html.unescape(found.group(1)) if found else ""
    return urljoin(page.url, action), {**fields, "decision": decision}
