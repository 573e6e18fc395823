"""`stillreach init` writes a deployment of one's own, overwrites nothing, and settings find it."""

import os
import shutil
from pathlib import Path

import pytest

from pipelines.analysis import examples
from pipelines.common.errors import SettingsError
from pipelines.common.settings import ROOT, SHIPPED_REF, Settings, data_folder, from_environment
from pipelines.deployment.init import TEMPLATES, write_deployment
from pipelines.deployment.reference_files import REFERENCE_FILES, missing_files
from pipelines.reference.files import Account, Place, read_bands
from pipelines.reference.reader import read_rows, read_yaml
from pipelines.segments import definition
from tests.cli.command import Stillreach
from tests.conftest import ACCOUNT_CSV, RIDER_YML


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Unset every variable of Stillreach and start in an empty folder."""
    for name in [one for one in os.environ if one.startswith("STILLREACH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_deployment_is_found_from_its_folder(no_variables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = no_variables / "with blanks & 'quotes'"
    write_deployment(folder)
    monkeypatch.chdir(folder)
    settings = from_environment()
    assert (settings.data, settings.ref) == (folder / "data", folder / "ref")
    assert settings.key_file == folder / "data/secret/member.key"


def test_a_variable_wins_over_the_file(no_variables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_deployment(no_variables)
    monkeypatch.setenv("STILLREACH_DATA", str(no_variables / "elsewhere"))
    assert from_environment().data == data_folder() == no_variables / "elsewhere"


def test_nothing_that_exists_is_changed(no_variables: Path) -> None:
    folder = no_variables / "ours"
    write_deployment(folder)
    (folder / "ref/account.csv").write_text(ACCOUNT_CSV, encoding="utf-8")
    (folder / ".env").write_text("STILLREACH_DATA=elsewhere\n", encoding="utf-8")
    (folder / "ref/bands.yml").unlink()
    before = files(folder)
    written = write_deployment(folder)
    assert {one.name for one in written if one.is_new} == {"ref/bands.yml"}
    assert {name: text for name, text in files(folder).items() if name != "ref/bands.yml"} == before


def test_a_dry_run_writes_nothing_and_names_the_same(no_variables: Path) -> None:
    planned = write_deployment(no_variables / "ours", dry_run=True)
    assert not (no_variables / "ours").exists()
    assert write_deployment(no_variables / "ours") == planned
    assert all(one.is_new for one in planned)


def test_what_is_no_place_for_a_deployment_is_refused(no_variables: Path) -> None:
    (no_variables / "a file").touch()
    with pytest.raises(SettingsError, match="is a file"):
        write_deployment(no_variables / "a file")
    with pytest.raises(SettingsError, match="is a checkout"):
        write_deployment(ROOT, dry_run=True)


def test_no_template_holds_anything_of_the_demo(no_variables: Path) -> None:
    write_deployment(no_variables)
    ref = no_variables / "ref"
    assert not list(read_rows(ref / "account.csv", Account)) and not list(read_rows(ref / "place.csv", Place))
    assert [path.name for path in (ref / "segments").iterdir()] == ["example.yml"]
    for name in ("bands.yml", "segment.yml", "audience.yml", "source.yml"):
        assert read_yaml(ref / name) == {}
    everything = b"".join(files(no_variables).values()).lower()
    assert b"thornmere" not in everything and b"@data@" not in everything


def test_the_templates_are_usable_once_accounts_are_filled_in(no_variables: Path) -> None:
    write_deployment(no_variables)
    (no_variables / "ref/account.csv").write_text(ACCOUNT_CSV, encoding="utf-8")
    settings = from_environment()
    (example,) = definition.read_definitions(settings, definition.read_known(settings))
    assert example.header.status == "draft"
    assert read_bands(settings)
    example_file = no_variables / "ref/segments/example.yml"
    example_file.write_text(example_file.read_text("utf-8").replace("status: draft", "status: active"), "utf-8")
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    examples.check_examples(definitions, examples.run_examples(settings, definitions, known))


def test_each_missing_file_is_named_with_its_effect(no_variables: Path, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("init", "ours")
    assert code == 0
    for one in REFERENCE_FILES:
        assert one.has_template == (not missing(one.name, no_variables / "ours/ref"))
        assert (f"not written: ref/{one.name} ({one.says}): {one.without}" in out) != one.has_template
    assert {one.name for one in REFERENCE_FILES if one.has_template} == {
        path.relative_to(TEMPLATES / "ref").parts[0] for path in (TEMPLATES / "ref").rglob("*.*")
    }


def missing(name: str, ref: Path) -> bool:
    return name in {one.name for one in missing_files(ref)}


def test_the_demos_files_are_for_the_demos_data_alone(no_variables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLREACH_DATA", str(no_variables / "data"))
    (no_variables / "data" / "landing").mkdir(parents=True)
    with pytest.raises(SettingsError, match="demo county's files are for its own data"):
        from_environment()
    (no_variables / "data" / "demo").mkdir()
    assert from_environment().ref == SHIPPED_REF
    shutil.rmtree(no_variables / "data" / "demo")
    (no_variables / "ref").mkdir()
    assert from_environment().ref == no_variables / "ref"


@pytest.mark.parametrize("line", ["STILLREACH_DATA", "STILLREACH_DATA=a b", "STILLREACH_DATA='a"])
def test_a_line_that_no_shell_reads_so_is_named(no_variables: Path, line: str) -> None:
    (no_variables / ".env").write_text(f"# settings\nOTHER=a b\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"\.env line 3"):
        from_environment()


def test_settings_that_another_user_wrote_are_not_read(no_variables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_deployment(no_variables)
    os.chown(no_variables / ".env", 12345, -1) if os.geteuid() == 0 else None
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(SettingsError, match="belongs to another user"):
        from_environment()


def test_a_filled_deployment_has_no_problem(
    no_variables: Path, stillreach: Stillreach, monkeypatch: pytest.MonkeyPatch
) -> None:
    stillreach("init", "ours")
    monkeypatch.chdir("ours")
    monkeypatch.setenv("AIRFLOW_HOME", str(no_variables / "no airflow"))
    assert stillreach("doctor")[0] == 3
    assert stillreach("new-key")[0] == 0
    assert stillreach("doctor")[0] == 5
    Path("ref/account.csv").write_text(ACCOUNT_CSV, encoding="utf-8")
    Path("ref/segments/rider.yml").write_text(RIDER_YML, encoding="utf-8")
    code, out, _ = stillreach("doctor")
    assert code == 0
    assert "3 accounts of yours, 1 active segments" in out
    assert "warning  places: place.csv has no home" in out


def test_settings_name_what_is_set(settings: Settings) -> None:
    assert data_folder() == settings.data
