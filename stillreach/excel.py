"""Frames as the sheets of a workbook, without formulas."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import xlsxwriter

# A text that begins with = or looks like a link stays a text; NaN and infinity have no number in a workbook.
NO_FORMULAS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


def write_workbook(path: Path, sheets: Mapping[str, pl.DataFrame]) -> Path:
    """Write each frame to a sheet of its name; lists become one text. Gives the path."""
    with xlsxwriter.Workbook(path, NO_FORMULAS) as workbook:
        for name, frame in sheets.items():
            lists = [column for column, kind in frame.schema.items() if isinstance(kind, pl.List)]
            flat = frame.with_columns(pl.col(one).cast(pl.List(pl.String)).list.join(", ") for one in lists)
            flat.write_excel(workbook, name, autofit=True, freeze_panes=(1, 0))
    return path
