"""What the report reads from a snapshot."""

import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines.common.errors import ModelError, PublishError
from pipelines.report import figures
from tests.report.small_night import AS_OF, RUN_ID, SmallNight


def test_a_night_is_read_with_names_and_titles(small_night: SmallNight, tmp_path: Path) -> None:
    night = figures.read_night(small_night.write(tmp_path / "night.duckdb"))

    assert (night.run_id, night.as_of) == (RUN_ID, AS_OF)
    assert set(night.reach["title"]) == {"Motorcyclists", "Farmers", "Everyone seen"}
    both = night.signatures.filter(night.signatures["account_ids"].list.len() == 2).row(0, named=True)
    assert both["account_names"] == [small_night.names["x", one] for one in both["account_ids"]]
    assert night.signatures["data_on"].unique().to_list() == [AS_OF]


def test_the_run_is_the_one_the_snapshot_is_named_for(small_night: SmallNight, tmp_path: Path) -> None:
    path = small_night.write(tmp_path / f"{RUN_ID}.duckdb")
    con = duckdb.connect(str(path))
    con.execute(
        "INSERT INTO meta.run (run_id, as_of, status, started_at) VALUES ('later', $1, 'published', now())",
        [AS_OF],
    )
    con.execute(
        "INSERT INTO meta.run (run_id, as_of, status, started_at) VALUES ('stopped', $1, 'stopped', now())",
        [AS_OF],
    )
    assert figures.run(con, path) == (RUN_ID, date(2026, 3, 31))
    assert figures.run(con, Path("copied.duckdb"))[0] == "later"
    con.close()


def test_an_unusable_snapshot_is_said_in_a_sentence(small_night: SmallNight, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="is not there"):
        figures.read_night(tmp_path / "none.duckdb")
    path = small_night.write(tmp_path / "night.duckdb")
    con = duckdb.connect(str(path))
    con.execute("DROP TABLE mart.segment_size")
    con.close()
    with pytest.raises(ModelError, match="segment_size"):
        figures.read_night(path)
    (tmp_path / "text.duckdb").write_text("no database")
    with pytest.raises(ModelError, match="text"):
        figures.read_night(tmp_path / "text.duckdb")


def test_no_table_of_persons_is_read() -> None:
    read = set(re.findall(r"\b(?:FROM|JOIN) (\w+\.\w+)", Path(figures.__file__).read_text(encoding="utf-8")))
    allowed = {"core.account", "core.account_day_restatement", "ref.segment"}
    assert read
    assert all(table in allowed or table.split(".")[0] in ("mart", "meta") for table in read)
