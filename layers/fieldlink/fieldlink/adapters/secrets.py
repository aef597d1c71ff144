"""KMS and Secrets Manager. What was opened is kept in memory, never anywhere else."""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldlink.adapters.aws import Aws


class KmsVault:
    """Seals with the stack's key; the connection's id is bound to what it seals."""

    def __init__(self, aws: Aws, key: str) -> None:
        self._aws = aws
        self._key = key
        # A sealed text always opens to the same secret, so asking once is enough. The cache
        # dies with the execution environment.
        self._opened = lru_cache(maxsize=1024)(self._open)

    def seal(self, secret: str, *, connection: str) -> str:
        answer = self._aws.call(
            "kms",
            "Encrypt",
            {
                "KeyId": self._key,
                "Plaintext": b64encode(secret.encode()).decode(),
                "EncryptionContext": {"connection": connection},
            },
        )
        return str(answer["CiphertextBlob"])

    def open(self, sealed: str, *, connection: str) -> str:
        return self._opened(sealed, connection)

    def _open(self, sealed: str, connection: str) -> str:
        answer = self._aws.call(
            "kms",
            "Decrypt",
            {
                "KeyId": self._key,
                "CiphertextBlob": sealed,
                "EncryptionContext": {"connection": connection},
            },
        )
        return b64decode(answer["Plaintext"]).decode()


class Secrets:
    """Secrets Manager."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def read(self, secret: str) -> str:
        """The current value."""
        answer = self._aws.call("secretsmanager", "GetSecretValue", {"SecretId": secret})
        return str(answer["SecretString"])
