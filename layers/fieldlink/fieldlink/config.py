"""The environment, read once. The only module that looks at it."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple, Self


class Settings(NamedTuple):
    """Mirrors, field by field, the variables of Globals in template.yaml; a test compares them.

    No pydantic here: the webhook door imports this, and every millisecond of its start counts.
    """

    state_table: str
    ledger_table: str
    polls_queue_url: str
    changes_queue_url: str
    invites_queue_url: str
    events_queue_url: str
    bursts_queue_url: str
    salesforce_app_secret: str  # the secret's id; its value never enters the environment
    salesforce_jwt_key_secret: str  # likewise
    console_key_secret: str  # likewise
    kms_key_id: str
    spool_bucket: str
    notices_topic: str
    salesforce_login_url: str
    salesforce_api_version: str
    hypertrack_api_url: str
    mail_from: str
    mail_configuration: str  # SES tells what became of mails that are sent with it
    public_url: str  # "": the API's own address
    ledger_days: str

    @classmethod
    @cache
    def from_env(cls) -> Self:
        """Raises KeyError, naming the variable, if one is not set."""
        return cls(*(os.environ[name.upper()] for name in cls._fields))


class AwsAccess(NamedTuple):
    """What Lambda's own environment says of the function's role; the names are AWS's."""

    region: str
    access_key: str
    secret_key: str
    token: str | None
    endpoint: str  # "": AWS itself

    @classmethod
    def from_env(cls) -> Self:
        """Read once: an execution environment never outlives the keys of its role."""
        return cls(
            os.environ["AWS_REGION"],
            os.environ["AWS_ACCESS_KEY_ID"],
            os.environ["AWS_SECRET_ACCESS_KEY"],
            os.environ.get("AWS_SESSION_TOKEN"),
            os.environ.get("AWS_ENDPOINT_URL", ""),
        )
