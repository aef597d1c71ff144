"""The bucket in which whole deliveries and large events are kept for a while."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from fieldlink.errors import Refused
from fieldlink.ports import Spooled

if TYPE_CHECKING:
    from fieldlink.adapters.aws import Aws

# Each object in the answer to ListObjectsV2, and what we read of it; our keys hold no character
# that XML would spell differently.
OBJECT = re.compile(rb"<Contents>(.*?)</Contents>", re.DOTALL)
FIELDS = {
    name: re.compile(rb"<%b>([^<]*)</" % name) for name in (b"Key", b"LastModified", b"Size")
}
# Somebody was first, or is just about to be.
THERE = {"PreconditionFailed", "ConditionalRequestConflict"}
GONE = {"NoSuchKey", "404"}


class S3Spool:
    """One bucket, encrypted with the stack's key; what lies in it expires by itself."""

    def __init__(self, aws: Aws, bucket: str) -> None:
        self._aws = aws
        self._bucket = bucket

    def put(self, key: str, body: bytes) -> None:
        self._aws.s3("PUT", self._bucket, f"/{key}", body)

    def claim(self, key: str, body: bytes) -> bool:
        try:
            self._aws.s3("PUT", self._bucket, f"/{key}", body, {"If-None-Match": "*"})
        except Refused as refusal:
            if refusal.code in THERE:
                return False
            raise
        return True

    def get(self, key: str) -> bytes | None:
        try:
            return self._aws.s3("GET", self._bucket, f"/{key}")
        except Refused as refusal:
            if refusal.code in GONE:
                return None
            raise

    def list(self, prefix: str, limit: int, after: str = "") -> list[Spooled]:
        asked = {"list-type": "2", "max-keys": str(limit), "prefix": prefix}
        if after:
            asked["start-after"] = after
        query = "&".join(f"{name}={quote(text, safe='')}" for name, text in asked.items())
        answer = self._aws.s3("GET", self._bucket, f"/?{query}")
        return [_spooled(each) for each in OBJECT.findall(answer)]

    def remove(self, key: str) -> None:
        self._aws.s3("DELETE", self._bucket, f"/{key}")


def _spooled(listed: bytes) -> Spooled:
    key, changed, size = (_field(listed, name) for name in FIELDS)
    return Spooled(key, datetime.fromisoformat(changed), int(size))


def _field(listed: bytes, name: bytes) -> str:
    found = FIELDS[name].search(listed)
    return found[1].decode() if found else ""
