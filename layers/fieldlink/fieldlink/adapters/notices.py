"""The topic that dispatchers subscribe to: SNS, by its query protocol."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldlink.adapters.aws import Aws

VERSION = "2010-03-31"
LONGEST_SUBJECT = 99  # SNS takes fewer than 100 characters, of ASCII and in one line


class SnsNotices:
    """Publishes to one topic; the connection is an attribute that a subscription filters by."""

    def __init__(self, aws: Aws, topic: str) -> None:
        self._aws = aws
        self._topic = topic

    def send(self, *, connection: str, name: str, subject: str, text: str) -> None:
        """Raises Refused with SNS's own words, Unavailable, or Unclear."""
        attributes = {"connection": connection, "name": name}
        fields = {
            "Action": "Publish",
            "Version": VERSION,
            "TopicArn": self._topic,
            "Subject": _plain(subject),
            "Message": text,
        }
        for number, (key, value) in enumerate(attributes.items(), start=1):
            entry = f"MessageAttributes.entry.{number}"
            fields |= {
                f"{entry}.Name": key,
                f"{entry}.Value.DataType": "String",
                f"{entry}.Value.StringValue": value,
            }
        self._aws.form("sns", fields)


def _plain(subject: str) -> str:
    """In ASCII: letters lose their accents, and what has no such form is a question mark."""
    apart = unicodedata.normalize("NFKD", subject)
    letters = "".join(each for each in apart if not unicodedata.combining(each))
    one_line = "".join(each if each.isprintable() else " " for each in letters)
    return one_line.encode("ascii", "replace").decode()[:LONGEST_SUBJECT].strip() or "Fieldlink"
