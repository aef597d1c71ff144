"""SES, version 2 of its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldlink.adapters.aws import Aws


class SesMail:
    """Sends from the address that the stack was given."""

    def __init__(self, aws: Aws, sender: str) -> None:
        self._aws = aws
        self._sender = sender

    def send(self, *, to: str, subject: str, text: str, html: str) -> None:
        """Raises Refused with SES's own words, Unavailable, or Unclear."""
        part = {"Charset": "UTF-8"}
        self._aws.post(
            "ses",
            "email",
            "/v2/email/outbound-emails",
            {
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
