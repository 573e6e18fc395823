"""A sample is written restricted and neutral, a judged file is read as spreadsheets leave it, a record stays."""

import csv
import io
import json
import stat
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.segments import label_audit, label_file
from pipelines.segments.label_file import Audit, Design
from tests.bench_audit import World, plant

TODAY = date(2026, 9, 30)
WORLD = plant(np.random.default_rng(11), 0.02, "unscored")
KEYS = WORLD.people["member_key"].to_list()
SECRET = "Sheila of Wymondham"


@pytest.fixture
def where(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", ref=tmp_path, key_file=tmp_path / "key")


def designed(audit_id: str = "2026-09-30", n: int = 60, segment_id: str = "rider") -> Design:
    sample = label_file.draw_sample(WORLD.people, n, f"{segment_id} {audit_id}")
    return Design(segment_id, audit_id, "abc123", "night-7", TODAY, TODAY, sample)


def words(design: Design, bio: str = "Rides, laughs") -> pl.DataFrame:
    keys = design.sample.people["member_key"]
    n = len(keys)
    text = {"platform": ["x"] * n, "name": [SECRET] * n, "bio": [bio] * n, "location": ["Norfolk"] * n}
    return pl.DataFrame({"member_key": keys, **text, "follows": [["Throttle", "Chain"]] * n})


def lines(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def judge(path: Path, world: World = WORLD, **message: str) -> list[dict[str, str]]:
    """Fill in the truth; `said` overrules it by key."""
    truth = dict(zip(world.people["member_key"].to_list(), world.truth.tolist(), strict=True))
    rows = lines(path)
    for row in rows:
        row["label"] = message.get(row["member_key"], "yes" if truth[int(row["member_key"][1:])] else "no")
    return rows


def save(rows: list[dict[str, str]], path: Path, separator: str = ",", encoding: str = "utf-8") -> Path:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def score(settings: Settings, design: Design, on: date = TODAY) -> Audit:
    """Write, judge, read and keep an audit."""
    path = label_file.write_sample(settings, design, words(design))
    labels = label_file.read_labels(save(judge(path), settings.data / "judged.csv"), design)
    strata = design.sample.strata
    found = label_audit.calibrate(strata, labels), label_audit.quality(strata, labels, draws=100)
    return label_file.keep(settings, design, labels, *found, on)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- drawing ---------------------------------------------------------------------------------------------------------


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=11), st.integers(1, 300))
def test_strata_give_equally_and_small_ones_all_they_have(have: list[int], n: int) -> None:
    give = label_file._equal_shares(have, n)
    assert sum(give) == min(n, sum(have))
    assert all(0 <= given <= most for given, most in zip(give, have, strict=True))
    open_ones = [given for given, most in zip(give, have, strict=True) if given < most]
    assert not open_ones or max(give) - min(open_ones) <= 1


def test_the_same_people_give_the_same_sample_in_any_order() -> None:
    first = label_file.draw_sample(WORLD.people, 100, "seed")
    again = label_file.draw_sample(WORLD.people.reverse(), 100, "seed")
    other = label_file.draw_sample(WORLD.people, 100, "seeds")
    assert first.people.equals(again.people) and first.strata == again.strata
    assert len(set(first.people["member_key"]) & set(other.people["member_key"])) < 30
    counts = [one.sampled for one in first.strata]
    assert sum(counts) == 100 and max(counts) - min(counts) == 1 and len(counts) == 11
    assert sum(one.population for one in first.strata) == WORLD.people.height


def test_every_member_of_a_stratum_is_as_likely_to_be_drawn() -> None:
    people = label_audit.strata(WORLD.people.head(400).drop("stratum"))
    drawn = [label_file.draw_sample(people, 60, f"draw {n}").people for n in range(400)]
    counts = pl.concat(drawn).group_by("stratum", "member_key").len().filter(pl.col("stratum") == "score 70-100 %")
    mean = counts["len"].sum() / people.filter(pl.col("stratum") == "score 70-100 %").height
    assert counts["len"].std() == pytest.approx(np.sqrt(mean), rel=0.3)  # type: ignore[arg-type]


def test_nobody_to_draw_is_said() -> None:
    with pytest.raises(RefError, match="would hold 0 people"):
        label_file.draw_sample(WORLD.people.clear(), 100, "seed")


# --- the file to judge -----------------------------------------------------------------------------------------------


def test_folders_and_files_are_their_owners_alone(where: Settings) -> None:
    design = designed()
    path = label_file.write_sample(where, design, words(design))
    assert path == where.work / "audits" / "rider" / "2026-09-30" / "sample.csv"
    assert mode(path) == mode(path.with_name("design.json")) == 0o600
    for folder in (path.parent, path.parent.parent, where.work / "audits"):
        assert mode(folder) == 0o700
    score(where, designed("later"))
    assert {mode(one) for one in (where.work / "audits" / "rider" / "later").iterdir()} == {0o600}
    assert not list(where.work.rglob("*.part"))


def test_the_file_says_neither_stratum_nor_score_nor_shows_them_in_its_order(where: Settings) -> None:
    design = designed(n=400)
    path = label_file.write_sample(where, design, words(design))
    rows = lines(path)
    assert tuple(rows[0]) == label_file.COLUMNS
    assert rows[0] | {"member_key": ""} == {
        "member_key": "",
        "platform": "x",
        "name": SECRET,
        "bio": "Rides, laughs",
        "location": "Norfolk",
        "follows": "Throttle; Chain",
        "label": "",
        "why_unsure": "",
    }
    people = design.sample.people
    place = {int(row["member_key"][1:]): n for n, row in enumerate(rows)}
    order = [place[key] for key in people["member_key"]]
    assert sorted(order) == list(range(400))
    rank = people["stratum"].replace_strict(
        {name: n for n, name in enumerate(label_audit.NAMES)}, return_dtype=pl.Int64
    )
    assert abs(np.corrcoef(order, rank.to_numpy())[0, 1]) < 0.15
    assert abs(np.corrcoef(order, np.arange(400))[0, 1]) < 0.15, "nor is it the order of keys"


@pytest.mark.parametrize(
    ("bio", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+44 rides", "'+44 rides"),
        ("-proud", "'-proud"),
        ("@throttle", "'@throttle"),
        ("\t=1+1", "'=1+1"),
        ("\r\n=1+1", "'=1+1"),
        ("＝1+1", "'＝1+1"),
        ("rides;=1+1", "rides;'=1+1"),
        ("one\ntwo\x00three\u2028four", "one two three four"),
        ('a "quoted" bio, with commas', 'a "quoted" bio, with commas'),
        ("a = b", "a = b"),
    ],
)
def test_no_cell_is_a_formula_and_a_person_is_one_line(where: Settings, bio: str, cell: str) -> None:
    design = designed()
    path = label_file.write_sample(where, design, words(design, bio))
    assert {row["bio"] for row in lines(path)} == {cell}
    assert len(path.read_text(encoding="utf-8-sig").splitlines()) == 61


def test_people_without_words_have_empty_cells(where: Settings) -> None:
    design = designed()
    path = label_file.write_sample(where, design, words(design).head(1))
    rows = lines(path)
    assert (
        len(rows) == 60 and sum(row["bio"] == "" for row in rows) == 59 and {row["platform"] for row in rows} == {"x"}
    )


def test_two_runs_write_the_same_bytes_and_a_judged_sample_is_not_overwritten(where: Settings, tmp_path: Path) -> None:
    design = designed()
    other = Settings(data=tmp_path / "other", ref=tmp_path, key_file=tmp_path / "key")
    for settings in (where, other):
        score(settings, design)
    for name in ("design.json", "labels.parquet", "audit.json"):
        assert (design.folder(where) / name).read_bytes() == (design.folder(other) / name).read_bytes()
    with pytest.raises(RefError, match="drawn already"):
        label_file.write_sample(where, design, words(design))


def test_a_design_reads_back_as_it_was(where: Settings) -> None:
    design = designed()
    label_file.write_sample(where, design, words(design))
    read = label_file.read_design(where, "rider", "2026-09-30")
    assert read.sample.people.equals(design.sample.people) and read.sample.strata == design.sample.strata
    assert (read.definition_hash, read.snapshot_id, read.as_of, read.drawn_on) == ("abc123", "night-7", TODAY, TODAY)


@pytest.mark.parametrize("name", ["../rider", "a/b", "", ".hidden", "a b"])
def test_a_name_cannot_lead_out_of_the_folder(where: Settings, name: str) -> None:
    with pytest.raises(RefError, match="no folder's"):
        label_file.read_design(where, "rider", name)


# --- reading labels --------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(where: Settings) -> tuple[Design, list[dict[str, str]], Path]:
    """A design, its judged rows, and a path to save them to."""
    design = designed()
    path = label_file.write_sample(where, design, words(design))
    return design, judge(path), where.data / "judged.csv"


Sent = tuple[Design, list[dict[str, str]], Path]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_spreadsheets_make_of_a_file_is_read(sent: Sent, separator: str, encoding: str) -> None:
    design, rows, path = sent
    expected = label_file.read_labels(save(rows, path), design)
    assert expected.columns == ["member_key", "label", "stratum", "expansion_score"] and expected.height == 60
    turned = [dict(reversed(row.items())) | {"bio": "Café", "": ""} for row in reversed(rows)]
    assert label_file.read_labels(save(turned, path, separator, encoding), design).equals(expected)
    content = save(rows, path, separator, encoding).read_bytes().decode(encoding)
    path.write_bytes(f"sep={separator}\r\n{content}\r\n{separator}\r\n\r\n".encode())
    assert label_file.read_labels(path, design).equals(expected)


@pytest.mark.parametrize(("word", "label"), [*label_file.MEANS.items(), (" Yes ", "yes"), ("FALSE", "no"), ("N", "no")])
def test_labels_are_understood(sent: Sent, word: str, label: str) -> None:
    design, rows, path = sent
    rows[3]["label"] = word
    read = label_file.read_labels(save(rows, path), design)
    found = read.filter(pl.col("member_key") == int(rows[3]["member_key"][1:]))["label"].to_list()
    assert found == ([label] if label else [])


@pytest.mark.parametrize("shape", ["k{}", "K{}", "{}", " k{} ", "'{}"])
def test_keys_are_read_with_and_without_their_letter(sent: Sent, shape: str) -> None:
    design, rows, path = sent
    for row in rows:
        row["member_key"] = shape.format(row["member_key"][1:])
    assert label_file.read_labels(save(rows, path), design).height == 60


def test_a_deleted_line_is_a_blank_label(sent: Sent) -> None:
    design, rows, path = sent
    labels = label_file.read_labels(save(rows[:-4], path), design)
    assert label_audit.tally(design.sample.strata, labels)["n_blank"].sum() == 4


@pytest.mark.parametrize(
    "key", ["1.2E+18", "1,2E+18", "k12.5", "1.0", "99999999999999999999999", "k99999999999999999999"]
)
def test_a_damaged_key_is_named_by_its_line(sent: Sent, key: str) -> None:
    refused(sent, {"member_key": key}, "line 5, column member_key")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"member_key": "k123"}, "line 5, column member_key: names nobody of this sample"),
        ({"member_key": SECRET}, "line 5, column member_key: is no member_key"),
        ({"member_key": ""}, "line 5, column member_key: is no member_key"),
        ({"label": "maybe"}, "line 5, column label: is no label. Known: yes, no, unsure, empty"),
        ({"label": SECRET}, "line 5, column label: is no label"),
        ({"label": "2"}, "line 5, column label: is no label"),
    ],
)
def test_everything_else_is_refused_without_telling_a_person(sent: Sent, change: dict[str, str], message: str) -> None:
    refused(sent, change, message)


def refused(sent: Sent, change: dict[str, str], message: str) -> None:
    design, rows, path = sent
    rows[3] |= change
    with pytest.raises(RefError) as failure:
        label_file.read_labels(save(rows, path), design)
    text = str(failure.value)
    assert message in text and SECRET not in text
    assert not any(str(key) in text for key in design.sample.people["member_key"])


def test_a_person_twice_is_refused(sent: Sent) -> None:
    design, rows, path = sent
    with pytest.raises(RefError, match=r"judged\.csv: line 62, column member_key: names a person twice"):
        label_file.read_labels(save([*rows, rows[7]], path), design)


def test_another_segments_file_is_refused(sent: Sent, where: Settings) -> None:
    design, rows, path = sent
    others = [row | {"member_key": f"k{n}"} for n, row in enumerate(rows)]
    with pytest.raises(RefError, match="has nobody of audit 2026-09-30 of rider"):
        label_file.read_labels(save(others, path), design)


def test_too_few_labels_are_refused_and_unsure_is_none(sent: Sent) -> None:
    design, rows, path = sent
    for row in rows[: 60 - 47]:
        row["label"] = "unsure"
    with pytest.raises(RefError, match=r"says yes or no of 47 people\. Hint: judge 48 or more"):
        label_file.read_labels(save(rows, path), design)
    rows[0]["label"] = "no"
    labels = label_file.read_labels(save(rows, path), design)
    assert (labels["label"] == "unsure").sum() == 12


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "lacks the column member_key or label"),
        (b"name,bio\n", "lacks the column member_key or label"),
        (b"member_key,label,label\n", "names a column twice"),
        (b'member_key,label\nk1,"yes\n', "quote that is never closed"),
        (b'\x00;"\x00', "lacks the column"),
        (b"\xff\xfe\x00", "lacks the column"),
        (b"PK\x03\x04\x00\x00\x81\x8d", "lacks the column"),
        (b"\x00" * 50, "lacks the column"),
        (b"member_key,label\n", "says yes or no of 0 people"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_sentence(sent: Sent, content: bytes, message: str) -> None:
    design, _, path = sent
    path.write_bytes(content)
    with pytest.raises(RefError, match=message):
        label_file.read_labels(path, design)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_lead_to_a_traceback(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "judged.csv"
        path.write_bytes(b"member_key,label\n" * (len(content) % 2) + content)
        with pytest.raises(RefError):
            label_file.read_labels(path, designed())


def test_a_file_that_is_not_there_is_named(sent: Sent) -> None:
    design, _, path = sent
    with pytest.raises(RefError, match=r"nowhere\.csv: cannot be read"):
        label_file.read_labels(path.with_name("nowhere.csv"), design)


# --- what is kept, and for how long ----------------------------------------------------------------------------------


def test_a_record_reads_back_holds_no_person_and_never_changes(where: Settings) -> None:
    design = designed()
    kept = score(where, design)
    folder = design.folder(where)
    assert label_file.latest_audits(where, TODAY) == {"rider": (kept,)}
    text = (folder / "audit.json").read_text(encoding="utf-8")
    assert SECRET not in text and not any(str(key) in text for key in design.sample.people["member_key"])
    assert json.loads(text)["calibration"]["steps"] == [list(step) for step in kept.calibration.steps]
    assert sum(int(row["population"] or 0) for row in kept.strata) == WORLD.people.height
    assert not (folder / "sample.csv").exists(), "words go as soon as they are judged"
    labels = pl.read_parquet(folder / "labels.parquet")
    with pytest.raises(RefError, match="scored already"):
        label_file.keep(where, design, labels, kept.calibration, kept.quality, TODAY)


def test_audits_come_by_segment_and_day_oldest_first(where: Settings) -> None:
    for nth, (segment, days) in enumerate((("rider", 0), ("angler", 3), ("rider", 40), ("rider", 20))):
        score(where, designed(f"audit-{nth}", segment_id=segment), on=TODAY - timedelta(days=days))
    found = label_file.latest_audits(where, TODAY - timedelta(days=1))
    assert {segment: [one.audit_id for one in audits] for segment, audits in found.items()} == {
        "angler": ["audit-1"],
        "rider": ["audit-2", "audit-3"],
    }
    assert label_file.latest_audits(where, date(2020, 1, 1)) == {}
    labels = label_file.kept_labels(where, TODAY - timedelta(days=1))
    assert labels.columns == ["segment_id", "audit_id", "label", "member_key", "stratum", "expansion_score"]
    assert labels.group_by("audit_id").len().height == 3 and labels.height == 180
    assert label_file.kept_labels(where, date(2020, 1, 1)).is_empty()


def test_words_are_forgotten_after_their_time(where: Settings) -> None:
    for audit_id in ("one", "two"):
        design = designed(audit_id)
        label_file.write_sample(where, design, words(design))
    score(where, designed("three"))
    (designed("three").folder(where) / "sample.csv").write_text("words that a failed deletion left")
    assert label_file.forget_samples(where, TODAY + timedelta(days=29)) == 0
    (designed("two").folder(where) / ".sample.csv.part").write_text("half a file")
    assert label_file.forget_samples(where, TODAY + timedelta(days=30)) == 4
    assert not list(where.work.rglob("*sample.csv*"))
    assert label_file.forget_samples(where, TODAY + timedelta(days=31)) == 0
    assert len(list(where.work.rglob("audit.json"))) == 1


def test_a_sample_without_a_readable_design_is_forgotten_at_once(where: Settings) -> None:
    design = designed()
    path = label_file.write_sample(where, design, words(design))
    path.with_name("design.json").write_text("{")
    assert label_file.forget_samples(where, TODAY) == 1
    with pytest.raises(RefError, match="not readable as a design"):
        label_file.read_design(where, "rider", "2026-09-30")


def test_an_erased_person_is_in_no_file_and_the_records_stay(where: Settings) -> None:
    scored, open_one = designed("scored"), designed("open")
    score(where, scored)
    record = (scored.folder(where) / "audit.json").read_bytes()
    sample = label_file.write_sample(where, open_one, words(open_one))
    shared = set(scored.sample.people["member_key"]) & set(open_one.sample.people["member_key"])
    gone = {*shared, *open_one.sample.people["member_key"][:2], *scored.sample.people["member_key"][:2], 2**64 - 1}
    labelled = len(gone & set(scored.sample.people["member_key"]))
    assert label_file.erase_labels(where, gone) == labelled >= 2
    assert label_file.erase_labels(where, gone) == 0
    left = [pl.read_parquet(scored.folder(where) / "labels.parquet")["member_key"].to_list()]
    left += [
        label_file.read_design(where, "rider", name).sample.people["member_key"].to_list()
        for name in ("open", "scored")
    ]
    assert not gone & {key for keys in left for key in keys}
    rows = lines(sample)
    assert not gone & {int(row["member_key"][1:]) for row in rows} and len(rows) == len(left[1]) > 50
    assert mode(sample) == 0o600
    assert (scored.folder(where) / "audit.json").read_bytes() == record
    design = label_file.read_design(where, "rider", "open")
    assert label_file.read_labels(save(judge(sample), where.data / "judged.csv"), design).height == len(rows)


def test_erasing_from_a_sample_that_cannot_be_read_takes_the_whole_of_it(where: Settings) -> None:
    design = designed()
    sample = label_file.write_sample(where, design, words(design))
    sample.write_bytes(b"PK\x03\x04")
    assert label_file.erase_labels(where, set(design.sample.people["member_key"][:1])) == 0
    assert not sample.exists()


def test_erasing_where_there_is_nothing_is_no_error(where: Settings) -> None:
    assert label_file.erase_labels(where, {1}) == 0 == label_file.forget_samples(where, TODAY)


def test_a_record_that_was_tampered_with_is_named(where: Settings) -> None:
    design = designed()
    score(where, design)
    (design.folder(where) / "audit.json").write_text("{}")
    with pytest.raises(RefError, match="not readable as an audit's record"):
        label_file.latest_audits(where, TODAY)
