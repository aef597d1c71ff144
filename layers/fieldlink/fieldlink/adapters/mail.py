"""SES, version 2 of its API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fieldlink.errors import Refused
from fieldlink.ports import Sender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fieldlink.adapters.aws import Aws

NOT_THERE = "NotFoundException"


class SesMail:
    """Sends from the address that the stack was given.

    `configuration`: SES's set of rules for what it tells of the mails; "": it tells nothing.
    """

    def __init__(self, aws: Aws, sender: str, configuration: str = "") -> None:
        self._aws = aws
        self._sender = sender
        self._configuration = configuration

    def send(
        self, *, to: str, subject: str, text: str, html: str, labels: Mapping[str, str]
    ) -> None:
        """Raises Refused with SES's own words, Unavailable, or Unclear."""
        part = {"Charset": "UTF-8"}
        self._aws.post(
            "ses",
            "email",
            "/v2/email/outbound-emails",
            {
                **(
                    {"ConfigurationSetName": self._configuration} if self._configuration else {}
                ),
                "EmailTags": [{"Name": name, "Value": text} for name, text in labels.items()],
                "FromEmailAddress": self._sender,
                "Destination": {"ToAddresses": [to]},
                "Content": {
                    "Simple": {
                        "Subject": {**part, "Data": subject},
                        "Body": {
                            "Text": {**part, "Data": text},
                            "Html": {**part, "Data": html},
                        },
                    }
                },
            },
            {"Content-Type": "application/json"},
        )

    def check(self) -> Sender:
        """Whether SES lets us send from our address: it or its domain must be verified."""
        account = self._aws.get("ses", "email", "/v2/email/account")
        domain = self._sender.rpartition("@")[2]
        return Sender(
            address=self._sender,
            verified=self._verified(self._sender) or self._verified(domain),
            production=bool(account.get("ProductionAccessEnabled")),
            enabled=bool(account.get("SendingEnabled")),
        )

    def _verified(self, identity: str) -> bool:
        try:
            path = f"/v2/email/identities/{quote(identity, safe='')}"
            found = self._aws.get("ses", "email", path)
        except Refused as refusal:
            if refusal.code != NOT_THERE:
                raise
            return False
        return bool(found.get("VerifiedForSendingStatus"))
