"""Words for people: platforms, days, and the bases of reach."""

from collections.abc import Iterable
from datetime import date

EVERYONE = "everyone"
FOLLOWER = "follower"
ACTIVE = "active"
ENGAGED = "engaged"

# How a sentence names a basis, and people who have it with one account only.
BASIS_TITLES = {
    FOLLOWER: "People who follow",
    ACTIVE: "People who follow and were active, or who engaged, in the last 90 days",
    ENGAGED: "People who engaged in the last 90 days",
}
ONLY = {FOLLOWER: "follow only", ACTIVE: "are reached only by", ENGAGED: "engage only with"}
NO_OTHER = {
    FOLLOWER: "follow no other account of ours",
    ACTIVE: "are reached by no other account of ours",
    ENGAGED: "engage with no other account of ours",
}
ANOTHER = {
    FOLLOWER: "follow another account of ours",
    ACTIVE: "are reached by another account of ours",
    ENGAGED: "engage with another account of ours",
}

PLATFORMS = {
    "x": "X",
    "facebook": "Facebook",
    "instagram": "Instagram",
    "threads": "Threads",
    "bluesky": "Bluesky",
    "mastodon": "Mastodon",
    "youtube": "YouTube",
    "tiktok": "TikTok",
    "linkedin": "LinkedIn",
    "whatsapp": "WhatsApp",
    "nextdoor": "Nextdoor",
    "reddit": "Reddit",
}

# Not strftime: its month names follow the machine's language, and the same night must give the same bytes.
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def platform_name(platform: str) -> str:
    """The platform's name as it writes itself, where we know it."""
    return PLATFORMS.get(platform, platform)


def day(on: date | None) -> str:
    """A day in full (30 September 2026), or a dash."""
    return f"{on.day}\u00a0{MONTHS[on.month - 1]} {on.year}" if on else "–"


def short_day(on: date | None) -> str:
    """A day for a table's cell (30 Sep 2026), or a dash."""
    return f"{on.day}\u00a0{MONTHS[on.month - 1][:3]}\u00a0{on.year}" if on else "–"


def days(found: Iterable[date | None]) -> str:
    """The span of the days that are known: one day, or the first to the last."""
    known = sorted({on for on in found if on})
    if not known:
        return "no day"
    return day(known[0]) if len(known) == 1 else f"{day(known[0])} to {day(known[-1])}"


def listed(names: list[str]) -> str:
    """Join names for a sentence: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(n: int, one: str, many: str) -> str:
    """A count of things with its noun."""
    return f"{n:,} {one if n == 1 else many}"
