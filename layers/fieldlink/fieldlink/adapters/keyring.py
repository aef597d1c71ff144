"""The secrets that webhooks are signed with, as the webhook door reads them.

Apart from `dynamodb` so that the door imports no pydantic: its start is waited for.
"""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING

from fieldlink.ports import Keys

if TYPE_CHECKING:
    from fieldlink.adapters.aws import Aws
    from fieldlink.ports import Vault

WEBHOOK_KEYS = "webhook"  # sort key; `dynamodb_keys` spells it for everybody else
# Seconds for which the door believes what it has read, as Powertools' parameters do: in a burst
# each process reads once instead of for each delivery. So long at most a connection that was
# ended, or a secret that was taken away, still counts.
LATELY = 5


class StateKeyRing:
    """Reads one small item of the state table and opens what it holds."""

    def __init__(self, aws: Aws, table: str, vault: Vault) -> None:
        self._aws = aws
        self._table = table
        self._vault = vault
        self._read: dict[str, tuple[float, Keys]] = {}

    def lately(self, connection: str) -> Keys | None:
        """As of a moment ago: whom these do not satisfy has to ask for those of now."""
        at, keys = self._read.get(connection, (-LATELY, None))
        return keys if keys and monotonic() - at < LATELY else self.of(connection)

    def of(self, connection: str) -> Keys | None:
        """None if there is no such connection, or none any more."""
        at, keys = monotonic(), self._found(connection)
        if keys:
            self._read[connection] = at, keys
        else:
            self._read.pop(connection, None)
        return keys

    def _found(self, connection: str) -> Keys | None:
        answer = self._aws.call(
            "dynamodb",
            "GetItem",
            {
                "TableName": self._table,
                "Key": {"pk": {"S": connection}, "sk": {"S": WEBHOOK_KEYS}},
            },
        )
        if not answer.get("Item"):
            return None
        stored = json.loads(answer["Item"]["body"]["S"])
        secrets = [self._vault.open(each, connection=connection) for each in stored["secrets"]]
        return Keys(secrets, bool(stored["live_positions"]))
