"""Every point at which a worker can die."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.fakes import Death, Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes import Fate


class Mortal(Protocol):
    """Anything whose fakes share a fate."""

    @property
    def fate(self) -> Fate: ...


def every_death[M: Mortal](
    make: Callable[[], M], run: Callable[[M], object]
) -> Iterator[tuple[M, Death]]:
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
