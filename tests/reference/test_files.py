"""What people decide is data: read as written, or refused by file and line."""

import contextlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines.common.errors import RefError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.reference import files

HEADER = "platform,account_id,handle,name,role,purpose,opened_on,closed_on\n"
OWN = "x,1,force,The Force,own,News.,2010-01-01,\n"
ACCEPTED = "platform,account_id,observed_on,reason\n"


def write(settings: Settings, name: str, content: str | bytes) -> None:
    (settings.ref / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def test_accounts_are_read_as_written(settings: Settings) -> None:
    write(
        settings,
        "account.csv",
        f'\ufeff{HEADER}x, 1 ,,"One, two",own,,2010-01-01,2020-12-31\r\nx,91,a,,seed,,,\r\n\r\n',
    )
    assert files.read_accounts(settings) == [
        files.Account(
            platform="x",
            account_id="1",
            name="One, two",
            role="own",
            opened_on=date(2010, 1, 1),
            closed_on=date(2020, 12, 31),
        ),
        files.Account(platform="x", account_id="91", handle="a", role="seed"),
    ]
    assert files.read_accounts(settings)[1].ref == "x:91"


@pytest.mark.parametrize(
    ("what", "content", "found"),
    [
        ("empty", "", "account.csv: has the columns ."),
        ("a column missing", HEADER.replace(",purpose", ""), "account.csv: has the columns platform"),
        ("a column too many", HEADER.replace("name", "name,nick"), "account.csv: has the columns platform"),
        ("semicolons", (HEADER + OWN).replace(",", ";"), "account.csv: has the columns platform;account_id"),
        ("no own account", HEADER + OWN.replace(",own,", ",seed,"), "account.csv: has no account of role own"),
        ("nobody", HEADER, "account.csv: has no account of role own"),
        ("no platform", HEADER + OWN + ",2,,,own,,,\n", "account.csv line 3: has no platform"),
        ("no id", HEADER + OWN + "x, ,,,own,,,\n", "account.csv line 3: has no account_id"),
        ("no role", HEADER + OWN + "x,2,,,,,,\n", "account.csv line 3: has no role"),
        (
            "another role",
            HEADER + OWN + "x,2,,,ours,,,\n",
            "account.csv line 3: has 'ours' for role. Known: own, seed.",
        ),
        ("twice", HEADER + OWN + "x,2,,,own,,,\n" + OWN, "account.csv line 4: names x:1 a second time"),
        ("no day", HEADER + OWN + "x,2,,,own,,1/2/2010,\n", "account.csv line 3: has '1/2/2010' for opened_on"),
        ("no such day", HEADER + OWN + "x,2,,,own,,,2010-02-30\n", "line 3: has '2010-02-30' for closed_on"),
        ("too many cells", HEADER + OWN + "x,2,,,own,,,,\n", "account.csv line 3: has too many or too few cells"),
        ("too few cells", HEADER + OWN + "x,2,own\n", "account.csv line 3: has too many or too few cells"),
    ],
)
def test_an_unusable_account_file_is_refused_by_line(what: str, content: str, found: str, settings: Settings) -> None:
    write(settings, "account.csv", content)
    with pytest.raises(RefError) as refusal:
        files.read_accounts(settings)
    assert found in str(refusal.value), what


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("an open quote", HEADER + OWN + 'x,2,"a,,own,,,\n'),
        ("Latin-1", (HEADER + OWN + "x,2,é,,own,,,\n").encode("latin-1")),
        ("a column twice", HEADER.replace("closed_on", "closed_on,name") + OWN.replace(",\n", ",,\n")),
        ("closed before it opened", HEADER + OWN + "x,2,,,own,,2020-01-01,2019-01-01\n"),
    ],
)
def test_an_account_file_that_cannot_be_meant_is_refused(what: str, content: str | bytes, settings: Settings) -> None:
    write(settings, "account.csv", content)
    with pytest.raises(RefError, match=r"account\.csv"):
        files.read_accounts(settings)


def test_accepted_lists_are_read_and_the_shipped_ones_are_none(settings: Settings) -> None:
    assert files.read_accepted_lists(settings) == []
    write(settings, "accepted_list.csv", ACCEPTED + "x,1,2026-07-08,we closed it\n")
    assert files.read_accepted_lists(settings) == [
        files.AcceptedList(platform="x", account_id="1", observed_on=date(2026, 7, 8), reason="we closed it")
    ]


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        ("x,1,2026-07-08,", "reason"),
        ("x,1,,why", "observed_on"),
        ("x,,2026-07-08,why", "account_id"),
        (",1,2026-07-08,why", "platform"),
    ],
)
def test_an_accepted_list_says_which_and_why(row: str, missing: str, settings: Settings) -> None:
    write(settings, "accepted_list.csv", f"{ACCEPTED}{row}\n")
    with pytest.raises(RefError, match=rf"accepted_list\.csv line 2: has no {missing}"):
        files.read_accepted_lists(settings)


def test_bands_are_numbers_by_name(settings: Settings) -> None:
    shipped = files.read_bands(settings)
    assert shipped["follower_list_shrinks_to"] == 0.5
    assert all(isinstance(band, float) for band in shipped.values())


def test_a_segment_may_have_a_threshold_of_its_own(settings: Settings) -> None:
    band = "still_reaches_people"
    assert f"{band}.recruits" not in files.read_bands(settings), "shipped, for a segment that is not here"
    write(settings, "bands.yml", f"{band}.rider: {{value: 5, reason: few}}\n{band}.everyone: {{value: 7, reason: b}}\n")
    bands = files.read_bands(settings)
    assert (bands[f"{band}.rider"], bands[f"{band}.everyone"], bands[band]) == (5.0, 7.0, 1000.0)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("still_reaches_people.walker", "is for 'walker', not a segment. Known: everyone, rider."),
        ("still_reaches_people.", "is for '', not a segment"),
        ("still_reach_people.rider", "has the unknown band still_reach_people.rider. Known: follower_list_shrinks_to"),
    ],
)
def test_a_threshold_of_an_unknown_segment_is_refused(name: str, found: str, settings: Settings) -> None:
    write(settings, "bands.yml", f"{name}: {{value: 5, reason: few}}")
    with pytest.raises(RefError) as refusal:
        files.read_bands(settings)
    assert found in str(refusal.value)


@pytest.mark.parametrize(
    ("what", "content", "found"),
    [
        ("no reason", "a: {value: 1}", "bands.yml line 1: a: has no reason. Known: value, reason."),
        ("no value", "a: {reason: b}", "bands.yml line 1: a: has no value"),
        ("a bare number", "a: 1", "bands.yml line 1: a: is a number, not a mapping. Known: value"),
        ("more than a band", "a: {value: 1, reason: b, since: 2020}", "line 1: a: has the unknown key since"),
        ("words", "a: {value: half, reason: b}", "bands.yml line 1: a: has 'half' for value. Hint: a number."),
        ("nothing", "", "bands.yml: is empty, not a mapping of keys to values"),
        ("a list", "- a", "bands.yml: is a list, not a mapping of keys to values"),
        ("no YAML", "b: 1\na: {value: 1", "bands.yml line 2: is not YAML"),
        ("a tab", "a:\n\tvalue: 1", "bands.yml line 2: is not YAML"),
        ("an object", "a: !!python/object/apply:os.getpid []", "bands.yml line 1: is not YAML"),
    ],
)
def test_unusable_bands_are_refused(what: str, content: str, found: str, settings: Settings) -> None:
    write(settings, "bands.yml", content)
    with pytest.raises(RefError) as refusal:
        files.read_bands(settings)
    assert found in str(refusal.value), what


@pytest.mark.parametrize("content", [b"a: {value: 1, reason: \xe9}", "é: 1".encode("latin-1")])
def test_yaml_that_is_not_utf_8_is_refused(content: bytes, settings: Settings) -> None:
    write(settings, "bands.yml", content)
    with pytest.raises(RefError, match=r"bands\.yml: is not UTF-8"):
        files.read_bands(settings)


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("a control character", "a: {value: 1, reason: b\x01}"),
        ("a key twice", "a: {value: 1, reason: b}\na: {value: 2, reason: c}"),
        ("not a number", "a: {value: .nan, reason: b}"),
        ("yes for a number", "a: {value: yes, reason: b}"),
        ("a blank reason", "a: {value: 1, reason: }"),
    ],
)
def test_bands_that_cannot_be_meant_are_refused(what: str, content: str, settings: Settings) -> None:
    write(settings, "bands.yml", content)
    with pytest.raises(RefError, match=r"bands\.yml"):
        files.read_bands(settings)


def test_a_window_that_statistics_are_fitted_to_is_not_a_deployments_to_change(settings: Settings) -> None:
    write(settings, "bands.yml", "recent_days: {value: 90, reason: as shipped}")
    assert files.read_bands(settings)["recent_days"] == 90
    write(settings, "bands.yml", "recent_days: {value: 60, reason: shorter}")
    with pytest.raises(RefError, match=r"bands\.yml: recent_days: says 60, and cannot be changed.*say 90"):
        files.read_bands(settings)


def test_a_deployment_may_bring_the_bands_it_knows_better_alone(settings: Settings) -> None:
    shipped = files.read_bands(settings)
    write(settings, "bands.yml", "follower_list_shrinks_to: {value: 0.4, reason: smaller county}")
    with contextlib.suppress(RefError):  # refused or completed, not left short
        assert files.read_bands(settings) == shipped | {"follower_list_shrinks_to": 0.4}


def test_bands_and_accepted_lists_fall_back_to_the_shipped_ones_and_what_is_a_deployments_own_does_not(
    settings: Settings, tmp_path: Path
) -> None:
    empty = replace(settings, ref=tmp_path / "empty")
    empty.ref.mkdir()
    assert empty.ref_file("bands.yml") == SHIPPED_REF / "bands.yml"
    assert empty.ref_file("accepted_list.csv") == SHIPPED_REF / "accepted_list.csv"
    for name in ("account.csv", "segments"):
        with pytest.raises(RefError, match="every deployment brings its own") as refusal:
            empty.ref_file(name)
        assert str(empty.ref / name) in str(refusal.value)
    assert settings.ref_file("account.csv") == settings.ref / "account.csv"
    with pytest.raises(RefError, match="is not there"):
        empty.ref_file("nonsense.yml")


def test_a_deployments_own_bands_come_before_the_shipped_ones(settings: Settings) -> None:
    write(settings, "bands.yml", "follower_list_shrinks_to: {value: 0.25, reason: Ours are small.}")
    assert files.read_bands(settings)["follower_list_shrinks_to"] == 0.25


def test_a_band_that_nothing_reads_is_refused(settings: Settings) -> None:
    write(settings, "bands.yml", "follower_list_shrink_to: {value: 0.25, reason: Ours are small.}")
    with pytest.raises(RefError, match="unknown band follower_list_shrink_to"):
        files.read_bands(settings)


def test_policy_weights_are_the_deployments_own_each_with_its_reason(settings: Settings) -> None:
    assert files.read_policy_weights(settings, ["rider"]) == {}
    write(settings, "segment.yml", "rider:\n  policy_weight: 2.5\n  reason: A priority.\n")
    assert files.read_policy_weights(settings, ["rider", "farmer"]) == {"rider": 2.5}
    shipped = replace(settings, ref=SHIPPED_REF)
    ids = [path.stem for path in (SHIPPED_REF / "segments").glob("*.yml")]
    assert set(files.read_policy_weights(shipped, ids)) == set(ids)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("riders:\n  policy_weight: 2\n  reason: A.\n", "segment.yml: riders: is not a segment. Known: rider."),
        ("rider: 2\n", "segment.yml line 1: rider: is a number, not a mapping. Known: policy_weight, reason."),
        ("rider:\n  policy_weight: yes\n  reason: A.\n", "line 2: rider: has True for policy_weight"),
        ("rider:\n  policy_weight: -1\n  reason: A.\n", "has -1 for policy_weight. Hint: 0 to 1000"),
        ("rider:\n  policy_weight: .nan\n  reason: A.\n", "has nan for policy_weight"),
        ("rider:\n  policy_weight: 2\n  reason: ' '\n", "segment.yml line 3: rider: has no reason"),
    ],
)
def test_an_unusable_policy_weight_is_refused(content: str, found: str, settings: Settings) -> None:
    write(settings, "segment.yml", content)
    with pytest.raises(RefError) as refusal:
        files.read_policy_weights(settings, ["rider"])
    assert found in str(refusal.value)
