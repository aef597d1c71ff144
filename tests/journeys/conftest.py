"""A town of its own for each journey, unless a module shares one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.runtime import build
from local.town import Town
from tests.journeys.setting import Scene, opened


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as it was built when the tests began, whoever builds meanwhile."""
    return shutil.copytree(build(), tmp_path_factory.mktemp("bundle") / "build")


@pytest.fixture
def town(built: Path) -> Iterator[Town]:
    with opened(built) as made:
        yield made


@pytest.fixture
def scene(town: Town) -> Scene:
    """A connection to an org in which nobody works yet."""
    return Scene(town)
