"""Stillreach in Python: open a published night, ask it, draw it, and export it. docs/API.md has examples.

    import stillreach

    night = stillreach.open()
    night.reach("motorcycle", basis="active")

Frames are polars DataFrames; `.to_pandas()` of each works. Counts are exact people, each counted once per platform,
and are not for release: what leaves the body is in the release folder. The night is read only.
"""

from pipelines.common.errors import StillreachError
from stillreach.choice import Choice
from stillreach.draft import Draft
from stillreach.night import Night
from stillreach.night import open_night as open

__all__ = ["Choice", "Draft", "Night", "StillreachError", "open"]
