"""The catalogue: every table has one model, models stand after what they read, and mistakes are said by name."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.common import contract
from pipelines.common.errors import ModelError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.marts import Inputs
from pipelines.warehouse import build, catalogue
from pipelines.warehouse.catalogue import LAYERS, PythonModel, models
from tests.sql.case_runner import filled_bench

AS_OF = date(2026, 9, 30)
CONTRACT = "table: mart.{name}\nrow: One row.\nkey: [n]\ncolumns:\n  n: BIGINT\n"


def caches() -> tuple[Any, ...]:
    return catalogue.models, contract.contracts, contract.read_contract


@pytest.fixture
def mart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of models with one mart of SQL, `first`, and no module; caches are emptied before and after."""
    for cache in caches():
        cache.cache_clear()
    folder = tmp_path / "mart"
    folder.mkdir()
    monkeypatch.setattr(catalogue, "SQL", tmp_path)
    monkeypatch.setattr(contract, "SQL", tmp_path)
    monkeypatch.setattr(contract, "_descriptions", lambda: {"n": "A number."})
    monkeypatch.setattr(catalogue, "iter_modules", lambda path: [])
    (folder / "first.yml").write_text(CONTRACT.format(name="first"), encoding="utf-8")
    (folder / "first.sql").write_text("SELECT 1 AS n", encoding="utf-8")
    yield folder
    for cache in caches():
        cache.cache_clear()


def with_module(monkeypatch: pytest.MonkeyPatch, name: str, *reads: str, table: str = "") -> None:
    """Put one module into `pipelines.marts`."""
    module = SimpleNamespace(__name__=name, TABLE=table or f"mart.{name}", READS=reads, make=lambda inputs: None)
    monkeypatch.setattr(catalogue, "iter_modules", lambda path: [SimpleNamespace(name=name)])
    monkeypatch.setattr(catalogue, "import_module", lambda path: module)


def test_a_model_stands_after_those_it_reads_whichever_is_python() -> None:
    for layer in LAYERS:
        place = {model.full_name: n for n, model in enumerate(models(layer))}
        for model in models(layer):
            assert all(place[read] < place[model.full_name] for read in model.reads if read in place), model.full_name


def test_a_mart_of_sql_may_read_one_of_python(mart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mart / "first.sql").write_text("SELECT n FROM mart.second", encoding="utf-8")
    (mart / "second.yml").write_text(CONTRACT.format(name="second"), encoding="utf-8")
    with_module(monkeypatch, "second")
    assert [model.name for model in models("mart")] == ["second", "first"]


def test_a_contract_without_a_model_is_refused(mart: Path) -> None:
    (mart / "second.yml").write_text(CONTRACT.format(name="second"), encoding="utf-8")
    with pytest.raises(ModelError, match=r"mart\.second.*nothing that builds it.*pipelines/marts/second\.py"):
        models("mart")


def test_a_table_with_two_models_is_refused(mart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_module(monkeypatch, "first")
    with pytest.raises(ModelError, match=r"mart\.first.*both sql/mart/first\.sql and a module"):
        models("mart")


def test_reading_what_nothing_builds_is_refused(mart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mart / "second.yml").write_text(CONTRACT.format(name="second"), encoding="utf-8")
    with_module(monkeypatch, "second", "mart.third")
    with pytest.raises(ModelError, match=r"mart\.second.*reads mart\.third, which nothing builds"):
        models("mart")


def test_a_circle_is_named(mart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mart / "first.sql").write_text("SELECT n FROM mart.second", encoding="utf-8")
    (mart / "second.yml").write_text(CONTRACT.format(name="second"), encoding="utf-8")
    with_module(monkeypatch, "second", "mart.first")
    with pytest.raises(ModelError, match=r"circle: mart\.\w+ -> mart\.\w+"):
        models("mart")


def test_a_module_is_named_for_its_table(mart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_module(monkeypatch, "second", table="mart.other")
    with pytest.raises(ModelError, match=r"TABLE mart\.other"):
        models("mart")


def test_a_mart_that_reads_a_table_it_does_not_declare_fails(tmp_path: Path) -> None:
    def careless(inputs: Inputs) -> pl.DataFrame:
        return inputs.read("core.account")

    declared = next(model for model in models("mart") if isinstance(model, PythonModel))
    model = PythonModel("mart", "careless", frozenset({"core.post"}), declared.contract, careless)
    settings = Settings(data=tmp_path, ref=SHIPPED_REF, key_file=tmp_path)
    with pytest.raises(ModelError, match=r"mart\.careless.*reads core\.account, which its READS does not name"):
        build.make(duckdb.connect(), model, settings, AS_OF)


@pytest.mark.parametrize("name", [one.name for one in models("mart") if isinstance(one, PythonModel)])
def test_a_mart_of_python_reads_what_it_declares_and_is_made_from_empty_tables(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model,) = (one for one in models("mart") if one.name == name)
    assert isinstance(model, PythonModel)
    used = set()
    read = Inputs.read

    def noting(inputs: Inputs, table: str, *columns: str) -> pl.DataFrame:
        used.add(table)
        return read(inputs, table, *columns)

    monkeypatch.setattr(Inputs, "read", noting)
    with filled_bench({}, AS_OF) as con:
        rows = build.make(con, model, Settings(data=tmp_path, ref=SHIPPED_REF, key_file=tmp_path), AS_OF)
    assert tuple(rows.columns) == model.contract.column_names
    assert rows.is_empty()
    assert used == model.reads
