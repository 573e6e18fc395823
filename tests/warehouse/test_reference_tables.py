"""What the tables of `ref` hold beside the definitions: bands, and what audits said of whom."""

from datetime import date

import duckdb
import polars as pl

from pipelines.common.settings import Settings
from pipelines.reference.files import read_bands
from pipelines.segments import definition, history
from pipelines.segments.label_audit import LOWEST, Calibration, Quality
from pipelines.segments.label_file import Audit
from pipelines.segments.label_history import Kept, judgements
from pipelines.warehouse import load_reference as reference_tables

PEOPLE = {"member_key": pl.UInt64, "label": pl.String, "stratum": pl.String, "expansion_score": pl.Float64}
STRATA: tuple[dict[str, str | int | float | None], ...] = (
    {"stratum": "rule", "weight": 12.5},
    {"stratum": "score 1-2 %", "weight": 40.0},
)


def kept(*labels: tuple[int, str, str, float | None]) -> Kept:
    """An audit of rules that are right of 85 in a hundred, and of scores; its floor is a half."""
    quality = Quality({}, 0.5, 0, 0.03, 60, 30, 10, 1000)
    steps = Calibration(((2.0, 0.9), (0.5, 0.4), (LOWEST, 0.01)), 0.85, 0.6)
    about = ("rider", "2026-09-01-x-1", "h1", "night-1", date(2026, 9, 1), date(2026, 9, 2))
    found = pl.DataFrame(list(labels), schema=PEOPLE, orient="row")
    return Kept(Audit(*about, STRATA, steps, quality), "x", {"a": "1.5"}, found)


def test_a_judgement_sets_the_label_beside_what_the_model_says_of_a_person() -> None:
    rows = judgements([kept((1, "yes", "rule", None), (2, "no", "rule", 3.0), (3, "no", "score 1-2 %", 2.5))])
    about = ("rider", "x", "rider/2026-09-01-x-1")
    assert sorted(rows, key=lambda row: row[3]) == [
        (*about, 1, True, 0.85, 12.5),
        (*about, 2, False, 0.85, 12.5),  # a rule goes before a score
        (*about, 3, False, 0.9, 40.0),
    ]


def test_whom_the_model_does_not_find_is_no_judgement_of_it() -> None:
    labels = [(1, "yes", "score 1-2 %", 0.7), (2, "yes", "no score", None), (3, "unsure", "rule", None)]
    assert judgements([kept(*labels)]) == []  # below the floor; without a score, however likely; nothing said
    assert judgements([kept()]) == []


def test_bands_stand_in_a_table_for_sql(settings: Settings) -> None:
    con = duckdb.connect()
    known, bands = definition.read_known(settings), read_bands(settings)
    versions = [history.Version(history.ALWAYS, history.compiled([]))]
    reference_tables.load(con, reference_tables.Reference(known, [], versions, bands=bands))
    assert dict(con.execute("SELECT band, value FROM ref.band").fetchall()) == bands
    assert bands["account_share_apart"] == 0.07
    assert con.execute("SELECT count(*) FROM ref.audit_judgement").fetchall() == [(0,)]
