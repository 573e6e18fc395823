"""Notebooks are read-only visitors of the published snapshot, and keep no output."""

import json
import re
from pathlib import Path

import pytest

from pipelines.common.settings import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_no_output_and_only_reads(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cells[0]["cell_type"] == "markdown"
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    source = "".join("".join(cell["source"]) for cell in code)
    assert source.count("duckdb.connect(") == source.count("read_only=True") <= 1
    assert ".execute(" not in source and "opened_on" not in source
    assert not re.search(r"\b(pipelines|expectations|dags)\b", source), "use `import stillreach`"
    assert "import stillreach" in source
    assert "core.member" not in source
    assert "member_key" not in source


def test_there_is_one_to_start_with() -> None:
    assert "00_start_here" in [path.stem for path in NOTEBOOKS]
