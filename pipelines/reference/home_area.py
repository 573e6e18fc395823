"""The home area: a GeoJSON polygon, the places marked home, or both; and how far a place lies from it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.common.errors import RefError

EARTH_KM = 6371.0088  # mean radius
CHUNK = 256  # places compared with every border at once: bounds the memory, not the result

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HomeArea:
    """Where home is: rings of a polygon (longitude, latitude; shape (n, 2), closed) and home places (the same order).

    Holes are rings like others: a point inside an odd number of rings is inside.
    """

    rings: tuple[Floats, ...] = ()
    points: Floats | None = None

    @property
    def is_known(self) -> bool:
        return bool(self.rings) or self.points is not None

    def holds(self, places: Floats) -> NDArray[np.bool_]:
        """Whether each place (longitude, latitude; shape (n, 2)) lies in the polygon; ray casting, even-odd rule."""
        inside = np.zeros(len(places), dtype=bool)
        x, y = places[:, 0, None], places[:, 1, None]
        for ring in self.rings:
            (x1, y1), (x2, y2) = ring[:-1].T, ring[1:].T
            crosses = (y1 > y) != (y2 > y)
            with np.errstate(divide="ignore", invalid="ignore"):
                at = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
            inside ^= (np.sum(crosses & (x < at), axis=1) % 2).astype(bool)
        return inside

    def distance_km(self, places: Floats) -> Floats:
        """Kilometres from each place to the polygon (0 inside) or to the nearest home place, whichever is nearer."""
        nearest = np.full(len(places), np.inf)
        if self.points is not None and len(self.points):
            nearest = np.minimum(nearest, haversine_km(places[:, None, :], self.points[None, :, :]).min(axis=1))
        if self.rings:
            starts = np.concatenate([ring[:-1] for ring in self.rings])
            ends = np.concatenate([ring[1:] for ring in self.rings])
            for first in range(0, len(places), CHUNK):
                part = slice(first, first + CHUNK)
                nearest[part] = np.minimum(nearest[part], _to_borders_km(places[part], starts, ends))
            nearest[self.holds(places)] = 0.0
        return nearest


def haversine_km(one: Floats, other: Floats) -> Floats:
    """Great-circle kilometres between points (longitude, latitude in degrees; any shapes that broadcast)."""
    lon1, lat1 = np.radians(one[..., 0]), np.radians(one[..., 1])
    lon2, lat2 = np.radians(other[..., 0]), np.radians(other[..., 1])
    chord = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    distance: Floats = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    return distance


def _to_borders_km(places: Floats, starts: Floats, ends: Floats) -> Floats:
    """Kilometres from each place to the nearest border.

    The nearest point of a border is found on a plane around the place (off by less than 1 % within 500 km), the
    distance to it on the sphere.
    """
    stretch = np.cos(np.radians(places[:, 1]))[:, None]
    ax, ay = (starts[:, 0] - places[:, 0, None]) * stretch, starts[:, 1] - places[:, 1, None]
    dx, dy = (ends - starts)[:, 0] * stretch, np.broadcast_to((ends - starts)[:, 1], ax.shape)
    length = np.maximum(dx**2 + dy**2, 1e-18)
    along = np.clip(-(ax * dx + ay * dy) / length, 0, 1)[..., None]
    nearest = starts + along * (ends - starts)
    distance: Floats = haversine_km(places[:, None, :], nearest).min(axis=1)
    return distance


def read_home_area(path: Path) -> tuple[Floats, ...]:
    """Read the rings of every Polygon and MultiPolygon of a GeoJSON file (RFC 7946: WGS 84, longitude first).

    Raises `RefError` where it is no JSON, holds no polygon, names another reference system, has a ring that is too
    short or open, or positions that are no degrees or lie the wrong way round.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as failure:
        raise RefError(
            path.name, f"is no GeoJSON ({type(failure).__name__})", hint="save it as UTF-8 GeoJSON"
        ) from None
    if not isinstance(read, dict):
        raise RefError(path.name, "is no GeoJSON object", known=("FeatureCollection", "Feature", "Polygon"))
    if "crs" in read and not any(name in json.dumps(read["crs"]) for name in ("CRS84", "4326")):
        raise RefError(path.name, "names a reference system other than WGS 84", hint="export it as EPSG:4326")
    rings = [
        _ring(f"{path.name} polygon {n}", ring)
        for n, polygon in enumerate(_polygons(path, read), start=1)
        for ring in polygon
    ]
    if not rings:
        raise RefError(path.name, "holds no polygon", known=("Polygon", "MultiPolygon"))
    return tuple(rings)


def _polygons(path: Path, part: Any) -> list[Any]:
    """Every polygon, a list of rings each, in whatever holds it; points and lines are no area."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "FeatureCollection":
        return [one for feature in part.get("features") or () for one in _polygons(path, feature)]
    if kind == "Feature":
        return _polygons(path, part.get("geometry"))
    if kind == "GeometryCollection":
        return [one for geometry in part.get("geometries") or () for one in _polygons(path, geometry)]
    if kind in ("Polygon", "MultiPolygon"):
        found = part.get("coordinates")
        polygons = [found] if kind == "Polygon" else found
        if not isinstance(polygons, list) or not all(isinstance(one, list) and one for one in polygons):
            raise RefError(path.name, f"has a {kind} without coordinates")
        return polygons
    raise RefError(path.name, f"holds {kind or 'something without a type'}", known=("Polygon", "MultiPolygon"))


def _ring(where: str, ring: Any) -> Floats:
    try:
        points = np.array([position[:2] for position in ring], dtype=float).reshape(-1, 2)
    except (TypeError, ValueError, IndexError):
        raise RefError(where, "has a position that is no pair of numbers", hint="[longitude, latitude]") from None
    if len(points) < 4 or not np.array_equal(points[0], points[-1]):
        raise RefError(where, f"has a ring of {len(points)} positions that does not close", hint="repeat the first")
    if not np.isfinite(points).all() or (np.abs(points) > (180, 90)).any():
        if np.isfinite(points).all() and (np.abs(points) <= (90, 180)).all():
            raise RefError(where, "has latitudes beyond 90 degrees", hint="GeoJSON has longitude first, then latitude")
        raise RefError(where, "has positions that are no degrees", hint="export it as EPSG:4326, not in metres")
    if np.ptp(points[:, 0]) > 180:
        raise RefError(where, "spans more than half the globe", hint="is longitude first, then latitude?")
    return points


def check_order(path: Path, rings: tuple[Floats, ...], towns: Floats) -> None:
    """Refuse an area that holds no town (longitude, latitude) as it stands, and holds one with its axes swapped.

    Within Europe both orders are degrees: only what lies there tells them apart. Raises `RefError`.
    """
    swapped = tuple(np.ascontiguousarray(ring[:, ::-1]) for ring in rings)
    if not HomeArea(rings).holds(towns).any() and HomeArea(swapped).holds(towns).any():
        raise RefError(
            path.name, "holds no town unless its axes are swapped", hint="GeoJSON has longitude first, then latitude"
        )
