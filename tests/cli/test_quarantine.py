"""What a night set aside is listed by delivery, file, reason and count, also where it stopped the night."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines import night
from pipelines.cli.app import app
from pipelines.common.errors import ValidationStop
from pipelines.common.settings import Settings
from pipelines.landing.deliveries import file_with
from pipelines.landing.land_drop import land_drop

ON = date(2026, 7, 22)


def test_a_stopped_night_is_explained(
    two_nights: Settings, no_report: None, tmp_path: Path, write_drop: Callable[[Path, Mapping[str, Any]], Path]
) -> None:
    run = CliRunner()
    assert run.invoke(app, ["quarantine"]).output == "nothing was set aside\n"
    rows = "".join(f"x,1,{'' if n < 4 else f'zqid{n}'},2026-07-22\n" for n in range(100))
    drop = write_drop(tmp_path / "drop", {"follower.csv": "platform,account_id,member_id,observed_on\n" + rows})
    delivery = land_drop(drop, "other", ON, two_nights).delivery
    with pytest.raises(ValidationStop, match=r"follower\.csv: member_id is empty \(4 rows\).*stillreach quarantine"):
        night.run_night(ON)
    wanted = f"{delivery.delivery_id} follower.csv: member_id is empty: 4 (row kept out)\n"
    for arguments in (["quarantine"], ["quarantine", "other", str(ON)]):
        assert run.invoke(app, arguments).output == wanted
    assert run.invoke(app, ["quarantine", "x_extract"]).output == "nothing was set aside\n"


def test_a_part_of_a_files_name_that_its_sender_chose_is_not_repeated(
    two_nights: Settings, tmp_path: Path, write_drop: Callable[[Path, Mapping[str, Any]], Path]
) -> None:
    rows = "platform,account_id,member_id,observed_on\nx,1,zqid1,2026-07-22\n"
    drop = write_drop(tmp_path / "drop", {"follower-zqname.csv": rows, "follower-zqname2.csv": rows})
    delivery = land_drop(drop, "other", ON, two_nights).delivery
    assert file_with("follower", delivery.delivery_id, two_nights) == "2 files of follower"
    assert file_with("post", delivery.delivery_id, two_nights) == "post"
