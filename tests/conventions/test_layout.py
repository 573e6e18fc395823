"""Hold the tree to its own rules: one name per thing, layers one way, imports one way, a header on every model."""

import ast
import re
from pathlib import Path

import pytest

from pipelines.common.contract import contracts
from pipelines.common.settings import ROOT, SQL
from pipelines.warehouse.catalogue import CARRIED, LAYERS, Model, SqlModel, models, sql_models

ALL_MODELS = [model for layer in LAYERS for model in models(layer)]
MODELS = [model for layer in LAYERS for model in sql_models(layer)]
MAY_READ = {
    "stg": {"raw", "prior", "ref", "stg"},
    "core": {"stg", "core", "ref", "prior"},
    "meta": {"core", "meta", "ref"},
    "expansion": {"core", "expansion", "ref"},
    "mart": {"core", "expansion", "mart", "meta", "ref"},
}
# These tables of stg look beyond their one raw table, or are named for what they hold of it.
OWN_READS = {
    "declared_place": {"stg.member", "ref.gazetteer", "ref.place_rule", "ref.place_word"},
    "member": {"stg.profile", "prior.member"},
    "member_key": {"raw.follower", "raw.engagement"},
    "member_tag": {"stg.tag", "prior.member_tag"},
    "profile": {"raw.follower"},
    "tag": {"raw.engagement"},
}
STG_LOOKUPS = {"stg.member_key", "stg.text_tone"}

# From the floor up: a package imports only itself and what stands before it.
ORDER = (
    "pipelines.common",
    "pipelines.reference",
    "pipelines.landing",
    "pipelines.extract",
    "pipelines.segments",
    "pipelines.reach",
    "pipelines.marts",
    "pipelines.warehouse",
    "expectations",
    "pipelines.validation",
    "pipelines.analysis",
    "pipelines.release",
    "pipelines.report",
    "pipelines.deployment",
    "pipelines.night",
    "pipelines.demo",
    "pipelines.cli",
    "dags",
    "stillreach",
)
MODULES = sorted(
    path for folder in ("pipelines", "expectations", "dags", "stillreach") for path in (ROOT / folder).rglob("*.py")
)


def rank(module: str) -> int:
    """Give the place of a module's package in `ORDER`, -1 for none."""
    places = [n for n, name in enumerate(ORDER) if module == name or module.startswith(f"{name}.")]
    return max(places, default=-1)


def module_name(path: Path) -> str:
    """Name a file as Python would import it."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> set[str]:
    """Name every module of ours that a file imports, at the top or late."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("pipelines", "expectations", "stillreach")}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_one_way(path: Path) -> None:
    own = module_name(path)
    assert own == "pipelines" or rank(own) >= 0, f"{own} has no place in ORDER"
    upward = {name for name in imported(path) if rank(name) > rank(own)}
    assert not upward, f"{own} imports upwards: {upward}"


def test_settings_alone_read_the_environment() -> None:
    readers = {
        module_name(path) for path in MODULES if re.search(r"os\.environ|getenv", path.read_text(encoding="utf-8"))
    }
    # Great Expectations takes its switch for telemetry from the environment only.
    assert readers == {"pipelines.common.settings", "pipelines.validation.validate"}
    assert "environ[" in (ROOT / "pipelines/validation/validate.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert len(text.splitlines()) <= 400


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda model: model.full_name)
def test_models_read_downwards_only(model: Model) -> None:
    schemas = {read.split(".")[0] for read in model.reads}
    assert schemas <= MAY_READ[model.schema]
    for read in model.reads:
        if read.startswith("prior."):
            assert CARRIED.get(read.removeprefix("prior.")), f"{read} is not carried from night to night"
    if model.schema == "stg":
        assert model.reads - STG_LOOKUPS == OWN_READS.get(model.name, {f"raw.{model.name}"})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.full_name)
def test_models_open_with_what_a_row_is(model: SqlModel) -> None:
    assert re.match(r"-- One row per ", model.sql), "begin with '-- One row per ...'"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.full_name)
def test_models_take_one_parameter(model: SqlModel) -> None:
    allowed = {"key_inner", "key_outer"} if model.full_name == "stg.member_key" else {"as_of"}
    assert set(re.findall(r"getvariable\('(\w+)'\)", model.sql)) <= allowed


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda model: model.full_name)
def test_contracts_describe_their_models(model: Model) -> None:
    assert model.contract.name == model.full_name
    assert set(model.contract.key) <= set(model.contract.column_names)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_table_without_a_model_is_written_by_the_module_its_contract_names(layer: str) -> None:
    for table in contracts(layer).values():
        if table.written_by:
            assert table.name in (ROOT / table.written_by).read_text(encoding="utf-8"), table.written_by


def test_every_contract_has_a_model_and_every_column_one_meaning() -> None:
    for layer in LAYERS:
        written = {name for name, table in contracts(layer).items() if table.written_by}
        built = {model.name for model in models(layer)}
        assert not written & built
        assert set(contracts(layer)) == built | written
    described = set(re.findall(r"^(\w+):", (SQL / "column.yml").read_text(encoding="utf-8"), re.MULTILINE))
    used = {name for schema in (*LAYERS, "ref") for table in contracts(schema).values() for name in table.column_names}
    assert described == used, "column.yml describes each column of our tables, and none else"


def test_no_person_text_reaches_core() -> None:
    personal = {"bio", "location", "text", "member_id", "key_check", "text_digest", "tag"}
    for schema in ("core", "mart", "meta", "ref"):
        for table in contracts(schema).values():
            assert not personal & set(table.column_names), table.name
    assert not {"handle", "name"} & set(contracts("core")["member"].column_names)


def test_expectations_and_tests_mirror_the_tables() -> None:
    tables = {"raw": {*contracts("raw"), *contracts("meta"), *contracts("stg")}}
    for layer in ("raw", "core", "mart"):
        for path in (ROOT / "expectations" / layer).glob("[a-z]*.py"):
            assert path.stem in tables.get(layer, contracts(layer)), path
    for model in MODELS:
        cases = list((ROOT / "tests/sql" / model.schema / model.name).glob("*.yml"))
        assert cases, f"no case under tests/sql/{model.schema}/{model.name}/"
