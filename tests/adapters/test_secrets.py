import json

import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.aws_errors import TRIES
from fieldlink.adapters.dynamodb import DynamoState
from fieldlink.adapters.keyring import StateKeyRing
from fieldlink.adapters.secrets import KmsVault, Secrets
from fieldlink.errors import Refused, Unavailable
from fieldlink.ports import Vault
from fieldlink.records import WebhookKeys
from tests.adapters.scripted import Answer, scripted
from tests.conftest import CONSOLE_KEY, Pretended
from tests.fakes import FakeVault


@pytest.fixture(params=["fake", "kms"])
def vault(request: pytest.FixtureRequest) -> Vault:
    return FakeVault() if request.param == "fake" else _kms(request.getfixturevalue("aws"))


def _kms(aws: Pretended) -> KmsVault:
    return KmsVault(Aws(aws.access), aws.settings.kms_key_id)


@pytest.mark.parametrize("secret", ["plain", "schlüssel 🔑", 'a"b\\c\n', "x" * 3000])
def test_what_is_sealed_opens_to_the_same(vault: Vault, secret: str) -> None:
    sealed = vault.seal(secret, connection="c")

    assert secret not in sealed
    assert vault.open(sealed, connection="c") == secret


def test_what_is_sealed_for_one_connection_opens_for_no_other(vault: Vault) -> None:
    sealed = vault.seal("secret", connection="c")
    assert vault.open(sealed, connection="c") == "secret"

    with pytest.raises(Refused):
        vault.open(sealed, connection="d")


def test_what_was_never_sealed_does_not_open(vault: Vault) -> None:
    with pytest.raises(Refused):
        vault.open("bm90IHNlYWxlZA==", connection="c")


def test_kms_is_asked_once_for_what_is_opened_often() -> None:
    with scripted(Answer(200, {"Plaintext": "c2VjcmV0"})) as script:
        vault = KmsVault(script.aws, "key")
        opened = [vault.open("sealed", connection="c") for _ in range(3)]

    assert opened == ["secret"] * 3
    assert len(script.asked) == 1


def test_a_failure_to_open_is_not_kept() -> None:
    busy = Answer(400, {"__type": "ThrottlingException"})
    with scripted(*[busy] * TRIES, Answer(200, {"Plaintext": "c2VjcmV0"})) as script:
        vault = KmsVault(script.aws, "key")
        with pytest.raises(Unavailable):
            vault.open("sealed", connection="c")

        assert vault.open("sealed", connection="c") == "secret"


def test_a_secret_is_read_by_its_id(aws: Pretended) -> None:
    assert Secrets(Aws(aws.access)).read(aws.settings.console_key_secret) == CONSOLE_KEY


def test_a_secret_that_is_not_there_is_mended_by_us_and_then_tried_again(
    aws: Pretended,
) -> None:
    with pytest.raises(Unavailable):
        Secrets(Aws(aws.access)).read("nothing")


def test_the_door_finds_the_keys_that_the_console_kept(aws: Pretended) -> None:
    vault = _kms(aws)
    sealed = [vault.seal(each, connection="c") for each in ("new", "before")]
    DynamoState(Aws(aws.access), aws.settings.state_table).write(
        WebhookKeys(connection="c", secrets=tuple(sealed), live_positions=True)
    )

    keys = StateKeyRing(Aws(aws.access), aws.settings.state_table, vault).of("c")

    assert keys == (["new", "before"], True)


def test_the_door_believes_for_five_seconds_what_it_has_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr("fieldlink.adapters.keyring.monotonic", lambda: now[0])

    def stored(secret: str) -> Answer:
        body = json.dumps({"secrets": [secret], "live_positions": False})
        return Answer(200, {"Item": {"body": {"S": body}}})

    vault = FakeVault()
    first, second, third = (vault.seal(each, connection="c") for each in ("1", "2", "3"))
    with scripted(stored(first), stored(second), stored(third), Answer(200, {})) as script:
        ring = StateKeyRing(script.aws, "state", vault)

        def told(passed: float) -> object:
            now[0] += passed
            keys = ring.lately("c")
            return keys and keys.secrets

        assert [told(0), told(4.9), told(0.1), told(4.9)] == [["1"], ["1"], ["2"], ["2"]]
        assert ring.of("c") == (["3"], False)  # whoever asks for those of now gets them,
        assert told(4.9) == ["3"]  # and so does whoever comes after
        assert told(0.1) is None


def test_that_a_connection_is_not_there_is_not_believed_for_a_moment() -> None:
    body = json.dumps({"secrets": [], "live_positions": True})
    there = Answer(200, {"Item": {"body": {"S": body}}})
    with scripted(Answer(200, {}), there, Answer(200, {}), Answer(200, {})) as script:
        ring = StateKeyRing(script.aws, "state", FakeVault())

        assert [ring.lately("c"), ring.lately("c"), ring.of("c")] == [None, ([], True), None]
        assert ring.lately("c") is None


def test_a_connection_that_does_not_exist_has_no_keys(aws: Pretended) -> None:
    ring = StateKeyRing(Aws(aws.access), aws.settings.state_table, _kms(aws))

    assert ring.of("nobody") is None
