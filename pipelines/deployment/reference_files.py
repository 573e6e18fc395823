"""What a deployment's reference folder may hold, and the effect of each file that it lacks."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReferenceFile:
    """One file or folder: what it says, and what happens without it.

    Without one that `is_needed` no night runs; `has_template` where `stillreach init` writes one to fill in.
    """

    name: str
    says: str
    without: str
    has_template: bool = False
    is_needed: bool = False


def _template(name: str, says: str, without: str, *, is_needed: bool = False) -> ReferenceFile:
    return ReferenceFile(name, says, without, has_template=True, is_needed=is_needed)


REFERENCE_FILES = (
    _template("account.csv", "your accounts, and those that define communities", "no night runs", is_needed=True),
    _template("segments", "the communities that you ask about", "no night runs", is_needed=True),
    _template("place.csv", "your towns, and which are home", "visitors are unknown, and no rule names a place"),
    _template("segment.yml", "how much each segment counts for `keep`", "the weights of the definitions are used"),
    _template("audience.yml", "whom each account is for", "no share of local people is called low or high"),
    _template("source.yml", "the platforms to pull from", "nothing is pulled; drops and exports are landed"),
    _template("bands.yml", "your thresholds", "the thresholds of Stillreach are used"),
    ReferenceFile("home_area.geojson", "the border of your area", "home is the area around the homes of place.csv"),
    ReferenceFile("lists", "values that several segments share", "no segment can name a list"),
    ReferenceFile("decision_rule.yml", "your rules for actions", "the rules of Stillreach are used"),
    ReferenceFile(
        "tone.yml", "how often the tone labeller is right", "the rates of Stillreach's English sample are used"
    ),
    ReferenceFile("accepted_list.csv", "odd follower lists that are right", "a list that lost a crowd stays partial"),
)


def missing_files(ref: Path) -> list[ReferenceFile]:
    """List what a reference folder lacks; an empty folder counts as missing."""
    return [one for one in REFERENCE_FILES if not _is_there(ref / one.name)]


def _is_there(path: Path) -> bool:
    return any(path.glob("[!.]*")) if path.is_dir() else path.is_file()
