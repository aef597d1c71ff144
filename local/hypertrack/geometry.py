"""Distances on the globe, and whether a point is inside a geofence."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import asin, atan2, cos, degrees, radians, sin, sqrt
from typing import Any, NamedTuple

EARTH = 6_371_008.8  # metres, the mean radius


class Place(NamedTuple):
    """A point on the globe; latitude first, unlike GeoJSON."""

    lat: float
    lon: float


def distance(a: Place, b: Place) -> float:
    """Metres along the great circle (haversine)."""
    half_lat, half_lon = radians(b.lat - a.lat) / 2, radians(b.lon - a.lon) / 2
    chord = sin(half_lat) ** 2 + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(half_lon) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(chord)))


def bearing(a: Place, b: Place) -> float:
    """Degrees clockwise from north."""
    turn = radians(b.lon - a.lon)
    east = sin(turn) * cos(radians(b.lat))
    north = cos(radians(a.lat)) * sin(radians(b.lat))
    north -= sin(radians(a.lat)) * cos(radians(b.lat)) * cos(turn)
    return degrees(atan2(east, north)) % 360


def along(a: Place, b: Place, steps: int) -> Iterator[Place]:
    """The points of a straight line, without its start and with its end."""
    for step in range(1, steps + 1):
        share = step / steps
        yield Place(a.lat + (b.lat - a.lat) * share, a.lon + (b.lon - a.lon) * share)


def inside(place: Place, geometry: dict[str, Any], radius: float | None) -> bool:
    """Whether the place is in a Point with radius, or in a Polygon and in none of its holes."""
    if geometry["type"] == "Point":
        lon, lat = geometry["coordinates"][:2]
        return distance(place, Place(lat, lon)) <= (radius or 0)
    outer, *holes = geometry["coordinates"]
    return _in_ring(place, outer) and not any(_in_ring(place, hole) for hole in holes)


def _in_ring(place: Place, ring: Sequence[Sequence[float]]) -> bool:
    crossings = 0
    for (x1, y1, *_), (x2, y2, *_) in pairwise(ring):
        if (y1 > place.lat) != (y2 > place.lat):
            crossings += place.lon < (x2 - x1) * (place.lat - y1) / (y2 - y1) + x1
    return crossings % 2 == 1
