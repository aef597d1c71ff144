from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.loopback import pretended_aws
from fieldlink.adapters import aws as adapter
from fieldlink.adapters.aws import Aws
from fieldlink.config import AwsAccess
from fieldlink.errors import Unavailable

ASK = {"Key": {"pk": {"S": "nobody"}}}


@pytest.fixture(autouse=True)
def its_own_trust() -> Iterator[None]:
    adapter._trust.cache_clear()
    yield
    adapter._trust.cache_clear()


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(tmp_path: Path) -> None:
    with pretended_aws(tmp_path) as port, pytest.raises(Unavailable):
        Aws(access(f"https://127.0.0.1:{port}")).call("dynamodb", "GetItem", ASK)


def test_a_server_under_another_name_is_not_spoken_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pretended_aws(tmp_path) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        with pytest.raises(Unavailable) as caught:
            Aws(access(f"https://localhost:{port}")).call("dynamodb", "GetItem", ASK)

    assert "localhost" in str(caught.value.__cause__)


def access(endpoint: str) -> AwsAccess:
    return AwsAccess("eu-central-1", "access-key", "secret-key", None, endpoint)
