"""The same day of work, whichever way people are tracked."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from local import result
from local.day import WAYS, WorkingDay, expected
from local.town import Town
from tests.journeys.setting import check_afterwards

MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("way", WAYS)
def test_the_same_day_of_work_ends_alike_in_every_way_of_tracking(
    built: Path, way: str
) -> None:
    with Town(MIDNIGHT, built=built, followed=True) as town:
        day = WorkingDay(town, lambda _: None, WAYS[way])
        day.plan()
        day.connect(town.operator())

        day.live()

        assert result.differences(result.found(town.salesforce), expected(WAYS[way])) == []
        check_afterwards(town)
