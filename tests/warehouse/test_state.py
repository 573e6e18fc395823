"""What makes a state one that no night may continue from."""

from pathlib import Path

import pytest

from pipelines.warehouse import raw, state


def test_another_way_to_judge_rows_is_another_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = state.build_hash(["x:1"], "key", "tone")
    assert state.build_hash(["x:1"], "key", "tone") == before
    assert state.build_hash(["x:1", "x:2"], "key", "tone") != before
    assert state.build_hash(["x:1"], "other", "tone") != before
    assert state.build_hash(["x:1"], "key", "another labeller") != before
    (tmp_path / "raw.py").write_text("another rule")
    monkeypatch.setattr(raw, "__file__", str(tmp_path / "raw.py"))
    assert state.build_hash(["x:1"], "key", "tone") != before
