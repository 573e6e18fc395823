"""Tiny X archives: of one follower and one post as known or with one drift, and the parts to write larger ones."""

import datetime
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.extract.exports.x_archive import convert

FIGURES: tuple[str, ...] = ("likes", "reposts")
OURS = {"sp_motor": "1001", "sp_news": "1002"}
SEEN = datetime.date(2026, 7, 15)
DM = "meet me behind the station at nine"
"""A text that only direct messages hold."""


def ytd(name: str, part: int, entries: list[Any]) -> str:
    """Write one list as X does, with blanks around its colons."""
    return f"window.YTD.{name}.part{part} = " + json.dumps(entries, indent=2, separators=(",", " : "))


def follower(account_id: object, **more: object) -> dict[str, Any]:
    link = f"https://twitter.com/intent/user?user_id={account_id}"
    return {"follower": {"accountId": account_id, "userLink": link} | more}


def tweet(id_str: object = "1626", text: object = "Ride safe", **more: object) -> dict[str, Any]:
    """Write a post with X's fields; a field given as None is left out."""
    known: dict[str, Any] = {
        "edit_info": {"initial": {"editTweetIds": [id_str], "editsRemaining": "5", "isEditEligible": True}},
        "retweeted": False,
        "source": '<a href="https://mobile.twitter.com" rel="nofollow">Web</a>',
        "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
        "display_text_range": ["0", "9"],
        "favorite_count": "1",
        "id_str": id_str,
        "truncated": False,
        "retweet_count": "0",
        "id": id_str,
        "created_at": "Sat Feb 18 12:33:11 +0000 2023",
        "favorited": False,
        "full_text": text,
        "lang": "en",
    }
    return {"tweet": {name: value for name, value in (known | more).items() if value is not None}}


def manifest(counts: Mapping[str, int], account_id: str = "1001", made_at: str = "2026-07-14T23:30:00.000Z") -> str:
    """Write manifest.js for files with their numbers of entries, and the name of the account's holder."""
    files = [{"fileName": name, "globalName": "YTD", "count": str(n)} for name, n in counts.items()]
    reported = {
        "userInfo": {"accountId": account_id, "userName": "jane_private", "displayName": "Jane Private"},
        "archiveInfo": {"sizeBytes": "9297326", "generationDate": made_at, "isPartialArchive": False},
        "dataTypes": {"all": {"files": files}, "directMessages": {"mediaDirectory": "data/direct_messages_media"}},
    }
    return f"window.__THAR_CONFIG = {json.dumps(reported, indent=2)}"


def pack(file: Path, members: Mapping[str, str | bytes]) -> Path:
    """Write a zip as X makes it, with direct messages, the owner's address, and deleted posts beside."""
    secret = {
        "data/direct-messages.js": f'window.YTD.direct_messages.part0 = [ "{DM}" ]',
        "data/account.js": 'window.YTD.account.part0 = [ {"account" : {"email" : "jane@private.example"}} ]',
        "data/deleted-tweets.js": ytd("deleted_tweets", 0, [tweet("999", DM)]),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in (secret | dict(members)).items():
            target.writestr(name, text)
    return file


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write an archive of one follower and one post; a figure that is None is a field X left out."""
    given = dict.fromkeys(FIGURES, 7) | (figures or {})
    fields: dict[str, object] = {"favorite_count": given["likes"], "retweet_count": given["reposts"]}
    fields = {name: None if value is None else str(value) for name, value in fields.items()}
    if drift == "unknown column":
        fields["bookmark_count"] = "3"
    elif drift == "missing column":
        fields["id_str"] = None
    elif drift == "retyped column":
        fields["id_str"] = 1626
    else:
        assert drift == "as known"
    members = {
        "data/follower.js": ytd("follower", 0, [follower("55")]),
        "data/tweets.js": ytd("tweets", 0, [tweet(**fields)]),  # type: ignore[arg-type]
        "data/manifest.js": manifest({"data/follower.js": 1, "data/tweets.js": 1}),
    }
    pack(folder / "archive.zip", members)
    return folder


def read(path: Path, out: Path) -> list[str]:
    """Run the reader."""
    return convert(path, out, OURS, SEEN)
