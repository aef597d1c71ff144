"""The secrets that webhooks are signed with, as the webhook door reads them.

Apart from `dynamodb` so that the door imports no pydantic: its start is waited for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fieldlink.ports import Keys

if TYPE_CHECKING:
    from fieldlink.adapters.aws import Aws
    from fieldlink.ports import Vault

WEBHOOK_KEYS = "webhook"  # sort key; `dynamodb_keys` spells it for everybody else


class StateKeyRing:
    """Reads one small item of the state table and opens what it holds."""

    def __init__(self, aws: Aws, table: str, vault: Vault) -> None:
        self._aws = aws
        self._table = table
        self._vault = vault

    def of(self, connection: str) -> Keys | None:
        """None if there is no such connection, or none any more."""
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
