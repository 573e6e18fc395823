"""`source.yml` says what is pulled; whatever it says wrongly is said back with what is known."""

import dataclasses
from pathlib import Path

import pytest

from pipelines.common.errors import RefError, SettingsError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.extract.pulls.source import configured, read_source
from pipelines.reference.reader import read_yaml


def say(settings: Settings, text: str) -> None:
    (settings.ref / "source.yml").write_text(text, encoding="utf-8")


def test_nothing_is_pulled_as_shipped(settings: Settings) -> None:
    assert configured(settings) == []
    with pytest.raises(RefError, match=r"not configured.*Known: none yet"):
        read_source(settings, "bluesky")


def test_the_example_in_the_shipped_file_is_one_that_can_be_read(settings: Settings, tmp_path: Path) -> None:
    lines = (SHIPPED_REF / "source.yml").read_text(encoding="utf-8").splitlines()
    example = [line.removeprefix("# ") for line in lines if line.startswith(("# bl", "# mas", "# x_", "#   "))]
    say(settings, "\n".join(example))
    assert configured(settings) == ["bluesky", "mastodon", "x_api"]
    assert read_yaml(SHIPPED_REF / "source.yml") == {}


def test_a_source_without_a_word_has_the_usual_settings(settings: Settings) -> None:
    say(settings, "bluesky:\n")
    read = read_source(settings, "bluesky")
    assert (read.days, read.concurrency, read.deadline_minutes) == (28, 4, 90)
    assert read.follower_lists == ("own", "seed")
    assert read.platform == "bluesky" and read.token is None and read.base_url is None


def test_a_token_is_read_from_a_file_that_its_owner_alone_reads(settings: Settings, tmp_path: Path) -> None:
    token = tmp_path / "x.token"
    token.write_text("AAAA-token-of-nobody\n")
    token.chmod(0o400)
    say(
        settings,
        f"x_api:\n  token_file: {token}\n  base_url: https://api.example/\n  terms_confirmed: owned\n"
        "  budget_usd_per_month: 150.0\n  follower_lists: [own, own]\n  days: 7\n",
    )
    read = read_source(settings, "x_api")
    assert read.token == "AAAA-token-of-nobody"
    assert read.follower_lists == ("own",) and read.days == 7
    assert read.base_url == "https://api.example"
    assert read.platform == "x"
    assert "nobody" not in repr(read) and "nobody" not in str(dataclasses.asdict(read))


def test_a_token_others_could_read_is_refused(settings: Settings, tmp_path: Path) -> None:
    token = tmp_path / "x.token"
    token.write_text("AAAA-token-of-nobody\n")
    token.chmod(0o440)
    say(settings, f"mastodon: {{token_file: {token}}}")
    with pytest.raises(SettingsError, match=r"mode 0440.*chmod 0400"):
        read_source(settings, "mastodon")
    assert configured(settings) == ["mastodon"], "naming what is pulled needs no token"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("myspace: {}", "myspace: is not a source that can be pulled.*Known: bluesky, mastodon, x_api"),
        ("bluesky: {tokn_file: a}", "has the unknown key tokn_file.*Known:.*token_file"),
        ("bluesky: {days: 0}", "has 0 for days"),
        ("bluesky: {days: '28'}", "has '28' for days"),
        ("bluesky: {follower_lists: [all]}", "follower_lists.0"),
        ("bluesky: {concurrency: 99}", "concurrency"),
        ("bluesky: {deadline_minutes: 0}", "deadline_minutes"),
        ("bluesky: {base_url: 'ftp://somewhere'}", "base_url"),
        ("bluesky: {base_url: 'https://user:secret@somewhere'}", "base_url"),
        ("bluesky: {terms_confirmed: owned}", "for paid sources only"),
        ("bluesky: {budget_usd_per_month: 0}", "for paid sources only"),
        ("x_api: {terms_confirmed: perhaps}", "terms_confirmed"),
        ("x_api: {budget_usd_per_month: -1.0}", "budget_usd_per_month"),
        ("x_api: {token_file: a, token_secret: b}", "exclude each other"),
        ("mastodon: {base_url: 'http://social.example', token_file: a}", "over https alone"),
        ("x_api: [1]", "x_api: is a list, not a mapping"),
    ],
)
def test_what_is_not_known_is_refused(settings: Settings, message: str, why: str) -> None:
    say(settings, message)
    with pytest.raises(RefError, match=why) as caught:
        configured(settings)
    assert "secret@" not in str(caught.value)
