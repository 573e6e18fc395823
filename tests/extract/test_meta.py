"""Meta Business Suite per-post exports → a drop: both platforms, five languages, every trap."""

import csv
import datetime
import io
from pathlib import Path

import pytest

from pipelines.common.errors import DeliveryError, RefError, SchemaError, StillreachError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.extract.exports import meta
from pipelines.extract.files.export_locale import ALIASES, Zone, read_aliases, read_zone

PAGE, GRAM = "100045700821521", "17841403398239763"
ACCOUNTS = {"facebook": {"sp_motor": PAGE, "sp_news": "100045700821999"}, "instagram": {"sp_motor": GRAM}}
OURS = {"sp_motor": PAGE, GRAM: GRAM, "sp_news": "100045700821999"}
SEEN = datetime.date(2026, 10, 1)
LONDON = Zone("Europe/London", "the viewer sat there")
SECRET = "Ring Jane on 01785 000000"

FB = (
    "Post ID,Page ID,Page name,Title,Description,Duration (sec),Publish time,Caption type,Permalink,Is crosspost,"
    'Is share,Post type,Languages,Custom labels,Funded content status,Data comment,Date,Views,Reach,"Reactions, '
    'Comments and Shares",Reactions,Comments,Shares,Total clicks,Other Clicks'
)
IG = (
    "Post ID,Account ID,Account username,Account name,Description,Duration (sec),Publish time,Permalink,Post type,"
    "Data comment,Date,Views,Reach,Likes,Shares,Follows,Comments,Saves"
)
SWEDISH = {
    "Post ID": "Publicerings-id", "Page ID": "Sid-id", "Page name": "Sidnamn", "Title": "Titel",
    "Description": "Beskrivning", "Publish time": "Publiceringstid", "Permalink": "Permalänk",
    "Post type": "Inläggstyp", "Date": "Datum", "Views": "Visningar", "Reach": "Räckvidd",
    "Reactions, Comments and Shares": "Reaktioner, kommentarer och delningar", "Reactions": "Reaktioner",
    "Comments": "Kommentarer", "Shares": "Delningar", "Total clicks": "Totalt antal klick",
    "Other Clicks": "Övriga klick",
}  # fmt: skip
SPANISH = {
    "Post ID": "Identificador de la publicación", "Page ID": "Identificador de la página",
    "Page name": "Nombre de la página", "Title": "Título", "Description": "Descripción",
    "Publish time": "Hora de publicación", "Permalink": "Enlace permanente",
    "Is share": "Es una publicación compartida", "Post type": "Tipo de publicación", "Date": "Fecha",
    "Views": "Visualizaciones", "Reach": "Alcance", "Reactions": "Reacciones", "Comments": "Comentarios",
    "Shares": "Veces que se compartió", "Total clicks": "Total de clics",
    "Reactions, Comments and Shares": "Reacciones, comentarios y veces que se compartió",
}  # fmt: skip
FRENCH = {
    "Post ID": "Identifiant de la publication", "Page ID": "ID de la Page", "Title": "Titre",
    "Publish time": "Heure de publication", "Permalink": "Permalien", "Post type": "Type de publication",
    "Views": "Vues", "Reach": "Couverture", "Reactions": "Réactions", "Comments": "Commentaires",
    "Shares": "Partages", "Total clicks": "Total des clics",
    "Reactions, Comments and Shares": "Réactions, commentaires et partages",
}  # fmt: skip
PORTUGUESE = {
    "Post ID": "Identificação do post", "Account ID": "Identificação da conta",
    "Account username": "Nome de usuário da conta", "Account name": "Nome da conta", "Description": "Descrição",
    "Publish time": "Horário de publicação", "Permalink": "Link permanente", "Post type": "Tipo de post",
    "Date": "Data", "Views": "Visualizações", "Reach": "Alcance", "Likes": "Curtidas",
    "Shares": "Compartilhamentos", "Comments": "Comentários",
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Point at a deployment with nothing of its own."""
    (tmp_path / "ref").mkdir()
    return Settings(data=tmp_path, ref=tmp_path / "ref", key_file=tmp_path / "key")


@pytest.fixture
def setting(settings: Settings) -> meta.Setting:
    """Take the shipped aliases, and London for the zone."""
    return meta.Setting(read_aliases(settings, "meta", meta.COLUMNS), LONDON, ACCOUNTS)


def names(header: str) -> list[str]:
    """Take a header line apart."""
    return next(csv.reader([header]))


def table(header: list[str], *rows: dict[str, object]) -> str:
    """Write a file as Meta does: a byte order mark, a header, quotes where needed."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return "\ufeff" + stream.getvalue()


def fb(**given: object) -> dict[str, object]:
    """One post of Facebook; figures are all different, so that none can stand for another."""
    row: dict[str, object] = {
        "Post ID": "1827720132094663", "Page ID": PAGE, "Page name": "SP Motor", "Title": "Ride safe",
        "Duration (sec)": 0, "Publish time": "09/28/2026 18:12", "Caption type": "N/A",
        "Permalink": "https://www.facebook.com/sp_motor/posts/pfbid1", "Is crosspost": 0, "Is share": 0,
        "Post type": "Photos", "Date": "Lifetime", "Views": 270, "Reach": 200,
        "Reactions, Comments and Shares": 13, "Reactions": 8, "Comments": 4, "Shares": 1, "Total clicks": 20,
        "Other Clicks": 15,
    }  # fmt: skip
    return row | {name.replace("_", " "): value for name, value in given.items()}


def ig(**given: object) -> dict[str, object]:
    """One post of Instagram."""
    row: dict[str, object] = {
        "Post ID": "18182686576415017", "Account ID": GRAM, "Account username": "sp_motor", "Account name": "SP",
        "Description": "Ride safe", "Duration (sec)": 0, "Publish time": "09/24/2026 15:30",
        "Permalink": "https://www.instagram.com/p/Ddr9jGEmLMp/", "Post type": "IG carousel", "Date": "Lifetime",
        "Views": 99, "Reach": 40, "Likes": 4, "Shares": 0, "Follows": 1, "Comments": 2, "Saves": 3,
    }  # fmt: skip
    return row | {name.replace("_", " "): value for name, value in given.items()}


def convert(
    folder: Path, text: str | bytes, setting: meta.Setting, account: str | None = None
) -> tuple[list[dict[str, str]], list[str]]:
    """Convert one file and read its posts back."""
    file = folder / "export.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    notes = meta.convert(file, folder / "out", OURS, SEEN, account, setting=setting)
    written = folder / "out" / "post.csv"
    if not written.exists():
        return [], notes
    with written.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream)), notes


def test_a_facebook_post_with_every_figure(tmp_path: Path, setting: meta.Setting) -> None:
    posts, notes = convert(tmp_path, table(names(FB), fb()), setting)
    assert posts == [
        {
            "platform": "facebook",
            "post_id": "1827720132094663",
            "account_id": PAGE,
            "posted_at": "2026-09-28T17:12:00Z",  # British summer time
            "kind": "Photos",
            "text": "Ride safe",
            "impressions": "270",
            "reach": "200",
            "likes": "8",
            "replies": "4",
            "reposts": "1",
            "clicks": "20",
            "observed_at": "2026-10-01T00:00:00Z",
        }
    ]
    assert notes == [
        "export.csv: facebook, 1 post from 2026-09-28 to 2026-09-28",
        "export.csv: views taken as impressions: Meta counts no impressions any more",
        "times read as Europe/London, for the export names no zone (export.yml)",
    ]


def test_an_instagram_post_has_no_clicks_rather_than_0(tmp_path: Path, setting: meta.Setting) -> None:
    ((post,), notes) = convert(tmp_path, table(names(IG), ig()), setting)
    assert "export.csv: no column for clicks: unknown" in notes
    assert (post["platform"], post["account_id"]) == ("instagram", GRAM)
    assert (post["likes"], post["replies"], post["reposts"], post["impressions"]) == ("4", "2", "0", "99")
    assert "clicks" not in post


@pytest.mark.parametrize("words", [SWEDISH, SPANISH, FRENCH], ids=["swedish", "spanish", "french"])
def test_headers_in_other_languages_give_the_same_posts(
    tmp_path: Path, setting: meta.Setting, words: dict[str, str]
) -> None:
    english, _ = convert(tmp_path, table(names(FB), fb()), setting)
    row = {words.get(name, name): value for name, value in fb().items()}
    other, notes = convert(tmp_path, table([words.get(name, name) for name in names(FB)], row), setting)
    assert other == english
    assert not [note for note in notes if "columns left out" in note]


def test_a_brazilian_instagram_export_gives_the_same_posts(tmp_path: Path, setting: meta.Setting) -> None:
    english, _ = convert(tmp_path, table(names(IG), ig()), setting)
    row = {PORTUGUESE.get(name, name): value for name, value in (ig() | {"Date": "Total"}).items()}
    other, _ = convert(tmp_path, table([PORTUGUESE.get(name, name) for name in names(IG)], row), setting)
    assert other == english


def test_an_unknown_language_is_refused_with_its_header_and_the_way_out(tmp_path: Path, setting: meta.Setting) -> None:
    header = [
        "Julkaisun tunnus",
        "Sivun tunnus",
        "Sivun nimi",
        "Otsikko",
        "Kuvaus",
        "Kesto",
        "Aika",
        "Linkki",
        "Tyyppi",
    ]
    text = table(header, {"Julkaisun tunnus": "1", "Otsikko": SECRET})
    with pytest.raises(SchemaError) as error:
        convert(tmp_path, text, setting)
    assert "Julkaisun tunnus, Sivun tunnus" in str(error.value)
    assert ALIASES in str(error.value)
    assert SECRET not in str(error.value)


def test_a_deployment_adds_a_language_of_its_own(tmp_path: Path, settings: Settings) -> None:
    own = "source,alias,column,language,reason\n"
    own += "".join(
        f"meta,{alias},{column},fi,seen here\n"
        for alias, column in [("Tunnus", "post_id"), ("Sivu", "page_id"), ("Aika", "publish_time"), ("Näytöt", "views")]
    )
    (settings.ref / ALIASES).write_text(own, encoding="utf-8")
    setting = meta.Setting(read_aliases(settings, "meta", meta.COLUMNS), LONDON, ACCOUNTS)
    row = {"Tunnus": "12", "Sivu": PAGE, "Aika": "09/28/2026 18:12", "Näytöt": 5}
    ((post,), _) = convert(tmp_path, table(list(row), row), setting)
    assert (post["post_id"], post["impressions"]) == ("12", "5")
    assert convert(tmp_path, table(names(FB), fb()), setting)[0], "the shipped ones still hold"


def test_a_missing_header_does_not_show_the_post_that_stands_there(tmp_path: Path, setting: meta.Setting) -> None:
    text = table(names(FB), fb(Title=SECRET)).split("\n", 1)[1]
    with pytest.raises(SchemaError) as error:
        convert(tmp_path, text, setting)
    assert SECRET not in str(error.value)
    assert "25 cells" in str(error.value)


def test_captions_keep_their_lines_and_quotes_wherever_they_stand(tmp_path: Path, setting: meta.Setting) -> None:
    long = 'An autumn favourite 🍁 \nCooler days, "really".\n\n#Roads'
    rows = [fb(Title=long, Description="An autumn"), fb(Post_ID="2", Title="", Description=long)]
    posts, _ = convert(tmp_path, table(names(FB), *rows), setting)
    assert [post["text"] for post in posts] == [long, long]


def test_a_share_of_anothers_post_is_a_repost(tmp_path: Path, setting: meta.Setting) -> None:
    posts, _ = convert(tmp_path, table(names(FB), fb(Is_share=1), fb(Post_ID="2", Post_type="")), setting)
    assert [post["kind"] for post in posts] == ["repost", ""]


def test_an_empty_figure_is_unknown_and_a_zero_stays(tmp_path: Path, setting: meta.Setting) -> None:
    ((post,), _) = convert(tmp_path, table(names(FB), fb(Views="", Reach="--", Comments=0, Total_clicks="")), setting)
    assert [post[name] for name in ("impressions", "reach", "replies", "clicks")] == ["", "", "0", ""]


@pytest.mark.parametrize("cell", ["1,203", "1.203", "1 203", "1203.5", "1.2K", "viele", "-3"])
def test_figures_that_may_mean_two_things_are_refused_without_showing_them(
    tmp_path: Path, setting: meta.Setting, cell: str
) -> None:
    with pytest.raises(SchemaError, match=r"column 'Reach': 1 of 2 rows cannot be read, the first on line 3") as error:
        convert(tmp_path, table(names(FB), fb(), fb(Post_ID="2", Reach=cell)), setting)
    assert cell not in str(error.value).split("Known:")[0]


@pytest.mark.parametrize("damaged", ["1.22158E+17", "1,22158E+17", "1827720132094663.0", ""])
def test_ids_damaged_by_a_spreadsheet_are_refused_with_the_row_count(
    tmp_path: Path, setting: meta.Setting, damaged: str
) -> None:
    rows = [fb(), fb(Post_ID=damaged), fb(Post_ID=damaged)]
    with pytest.raises(UnreadableFileError, match="2 of 3 ids in 'Post ID' damaged, the first on line 3"):
        convert(tmp_path, table(names(FB), *rows), setting)
    with pytest.raises(UnreadableFileError, match="1 of 1 ids in 'Page ID' damaged"):
        convert(tmp_path, table(names(FB), fb(Page_ID="1.00046E+14")), setting)


def test_ids_rounded_to_fifteen_digits_are_refused_where_it_cannot_be_chance(
    tmp_path: Path, setting: meta.Setting
) -> None:
    rounded = [fb(Post_ID=f"12215812345678{n}00") for n in range(3)]
    with pytest.raises(UnreadableFileError, match="3 of 3 ids"):
        convert(tmp_path, table(names(FB), *rounded), setting)
    posts, _ = convert(tmp_path, table(names(FB), *rounded, fb()), setting)
    assert len(posts) == 4, "one whole id proves that nobody rounded"


def test_the_daily_breakdown_is_recognised_and_refused_with_advice(tmp_path: Path, setting: meta.Setting) -> None:
    header = [name for name in names(FB) if name not in ("Views", "Title", "Languages")]
    days = [fb(Date=f"09/{day:02}/2026") for day in range(1, 29)]
    text = table(header, *({name: row[name] for name in header if name in row} for row in days))
    with pytest.raises(SchemaError, match=r"daily breakdown.*28 of 28 rows cover one day; 22 columns") as error:
        convert(tmp_path, text, setting)
    assert "one row per post" in str(error.value)


def test_a_breakdown_without_days_is_known_by_its_repeated_posts(tmp_path: Path, setting: meta.Setting) -> None:
    with pytest.raises(SchemaError, match="each post stands 28 times"):
        convert(tmp_path, table(names(FB), *[fb(Date="Lifetime", Reach=n) for n in range(28)]), setting)
    header = [name for name in names(FB) if name not in ("Views", "Date")]
    with pytest.raises(SchemaError, match="neither views nor a date"):
        convert(tmp_path, table(header, {name: value for name, value in fb().items() if name in header}), setting)


def test_days_beside_the_posts_own_rows_are_left_out(tmp_path: Path, setting: meta.Setting) -> None:
    rows = [fb(Date="Total", Reach=200), *(fb(Date=f"09/{day}/2026", Reach=10) for day in (28, 29, 30))]
    posts, notes = convert(tmp_path, table(names(FB), *rows), setting)
    assert [post["reach"] for post in posts] == ["200"]
    assert "export.csv: 3 rows of single days left out, the posts' own rows taken" in notes


def test_an_older_export_has_impressions_and_its_views_are_left_alone(tmp_path: Path, setting: meta.Setting) -> None:
    header = [*names(FB), "Impressions"]
    ((post,), notes) = convert(tmp_path, table(header, fb(Impressions=900, Views=3)), setting)
    assert post["impressions"] == "900"
    assert not [note for note in notes if "views taken" in note]


def test_another_account_is_refused_with_those_known(tmp_path: Path, setting: meta.Setting) -> None:
    other = fb(Page_ID="555", Permalink="https://www.facebook.com/another/posts/1")
    with pytest.raises(DeliveryError, match=r"none of its 1 posts is of a Facebook account of ours.*sp_motor, sp_news"):
        convert(tmp_path, table(names(FB), other), setting)


def test_posts_of_partners_are_left_out_and_counted(tmp_path: Path, setting: meta.Setting) -> None:
    partner = ig(Post_ID="2", Account_ID="888", Account_username="partner")
    posts, notes = convert(tmp_path, table(names(IG), ig(), partner), setting)
    assert [post["post_id"] for post in posts] == ["18182686576415017"]
    assert "export.csv: 1 post of accounts that are not ours left out" in notes


def test_a_page_is_known_by_its_link_or_its_folder_where_its_id_has_changed(
    tmp_path: Path, setting: meta.Setting
) -> None:
    ((post,), _) = convert(tmp_path, table(names(FB), fb(Page_ID="61550000000001")), setting)
    assert post["account_id"] == PAGE
    nameless = fb(Page_ID="61550000000001", Permalink="https://www.facebook.com/permalink.php?id=3")
    ((post,), notes) = convert(tmp_path, table(names(FB), nameless), setting, account="sp_news")
    assert post["account_id"] == "100045700821999"
    assert any("differs from the export's" in note for note in notes)
    two = [nameless, nameless | {"Page ID": "61550000000002", "Post ID": "2"}]
    with pytest.raises(DeliveryError, match="none of its 2 posts"):
        convert(tmp_path, table(names(FB), *two), setting, account="sp_news")


def test_the_same_handle_on_both_platforms_stays_apart(tmp_path: Path, setting: meta.Setting) -> None:
    (tmp_path / "fb.csv").write_text(table(names(FB), fb()), encoding="utf-8")
    ((post,), _) = convert(tmp_path, table(names(IG), ig(Account_ID="777")), setting)
    assert (post["platform"], post["account_id"]) == ("instagram", GRAM)


def test_clocks_that_go_back_or_forward_are_counted(tmp_path: Path, setting: meta.Setting) -> None:
    rows = [
        fb(Post_ID="1", Publish_time="10/25/2026 01:30"),  # twice: the clocks go back
        fb(Post_ID="2", Publish_time="03/29/2026 01:30"),  # never: they go forward
        fb(Post_ID="3", Publish_time="03/29/2026 02:30"),
    ]
    posts, notes = convert(tmp_path, table(names(FB), *rows), setting)
    assert [post["posted_at"] for post in posts] == [
        "2026-10-25T00:30:00Z",
        "2026-03-29T01:30:00Z",
        "2026-03-29T01:30:00Z",
    ]
    assert "1 times exist twice when clocks go back: the earlier is taken" in notes
    assert "1 times never were in Europe/London (clocks went forward): is it the zone?" in notes


@pytest.mark.parametrize(
    "time", ["28/09/2026 18:12", "2026-09-28 18:12", "09/28/2026", "02/30/2026 10:00", "09/28/26 18:12"]
)
def test_times_in_another_shape_are_refused(tmp_path: Path, setting: meta.Setting, time: str) -> None:
    with pytest.raises(SchemaError, match="column 'Publish time': 1 of 1 rows"):
        convert(tmp_path, table(names(FB), fb(Publish_time=time)), setting)


def test_posts_after_the_day_of_observation_raise_doubt(tmp_path: Path, setting: meta.Setting) -> None:
    _, notes = convert(tmp_path, table(names(FB), fb(Publish_time="12/09/2026 18:12")), setting)
    assert "export.csv: 1 post later than the day of observation, 2026-10-01: is the month first?" in notes


def test_of_overlapping_exports_the_one_that_reaches_furthest_holds(tmp_path: Path, setting: meta.Setting) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    later = [fb(Reach=300), fb(Post_ID="2", Publish_time="09/30/2026 08:00")]
    (folder / "a_later.csv").write_text(table(names(FB), *later), encoding="utf-8")
    (folder / "b_earlier.csv").write_text(table(names(FB), fb(Reach=310, Views="")), encoding="utf-8")
    notes = meta.convert(folder, tmp_path / "out", OURS, SEEN, setting=setting)
    with (tmp_path / "out" / "post.csv").open(encoding="utf-8", newline="") as stream:
        assert {row["post_id"]: row["reach"] for row in csv.DictReader(stream)} == {
            "1827720132094663": "300",
            "2": "200",
        }
    assert "restated: 1 post, the figures of the export that reaches furthest are kept" in notes


def test_unknown_columns_are_named_and_reading_goes_on(tmp_path: Path, setting: meta.Setting) -> None:
    ((post,), notes) = convert(tmp_path, table([*names(FB), "Mood"], fb(Mood=SECRET)), setting)
    assert post["reach"] == "200"
    assert "export.csv: columns left out: Mood" in notes


@pytest.mark.parametrize("gone", ["Post ID", "Page ID", "Publish time"])
def test_a_needed_column_that_is_gone_stops_the_reading(tmp_path: Path, setting: meta.Setting, gone: str) -> None:
    header = [name for name in names(FB) if name != gone]
    with pytest.raises(SchemaError, match=r"lacks \w+.* in its header: .*Reach.*Known: "):
        convert(tmp_path, table(header, {name: value for name, value in fb().items() if name != gone}), setting)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "it is empty"),
        ("Post ID,Page".encode("latin-1") + b"\xe9", "not UTF-8"),
        ('sep=,\n"Views"\n"Date","Primary"\n"2026-08-01T00:00:00","67"\n'.encode("utf-16"), "whole account"),
        (table(names(FB), fb()).encode()[:-40], "quote|columns"),
    ],
    ids=["empty", "latin-1", "account's figure", "cut off"],
)
def test_what_is_no_per_post_export_is_refused(
    tmp_path: Path, setting: meta.Setting, text: bytes, message: str
) -> None:
    with pytest.raises(StillreachError, match=message):
        convert(tmp_path, text, setting)


def test_every_shipped_alias_names_a_column_once(settings: Settings) -> None:
    aliases = read_aliases(settings, "meta", meta.COLUMNS)
    assert len(aliases) > 150
    assert set(meta.TAKEN) <= set(aliases.values())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("meta,Aika,when,fi,seen", "which meta does not have"),
        ("meta,Aika,publish_time,fi,", "has no reason"),
        ("meta,Aika,publish_time", "has too many or too few cells"),
    ],
)
def test_an_unusable_alias_is_refused_with_its_line(settings: Settings, line: str, message: str) -> None:
    (settings.ref / ALIASES).write_text(f"source,alias,column,language,reason\n{line}\n", encoding="utf-8")
    with pytest.raises(RefError, match=f"column_alias.csv line 2.*{message}"):
        read_aliases(settings, "meta", meta.COLUMNS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("meta: {zone: Europe/Londres, reason: here}", "has the zone 'Europe/Londres'"),
        ("meta: {zone: UTC}", "has no reason. Known: zone, reason"),
        ("meta: {zone: UTC, reason: ' '}", "has no reason"),
        ("other: {zone: UTC, reason: here}", "is not there"),
    ],
)
def test_an_unusable_zone_is_refused(settings: Settings, text: str, message: str) -> None:
    (settings.ref / "export.yml").write_text(text, encoding="utf-8")
    with pytest.raises(RefError, match=message):
        read_zone(settings, "meta")


def test_the_shipped_zone_has_a_reason(settings: Settings) -> None:
    assert read_zone(settings, "meta").name == "America/Los_Angeles"
