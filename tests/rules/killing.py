"""Every point at which a worker can die."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes import Death, Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.make import World


def every_death(
    make: Callable[[], World], run: Callable[[World], object]
) -> Iterator[tuple[World, Death]]:
    """A world for each effect of `run` and each side of it, in which `run` died there."""
    whole = make()
    earlier = len(whole.fate.effects)
    run(whole)
    for number in range(earlier + 1, len(whole.fate.effects) + 1):
        for death in (Death("before", number), Death("after", number)):
            world = make()
            world.fate.death = death
            with pytest.raises(Killed):
                run(world)
            yield world, death
