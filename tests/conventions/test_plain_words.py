"""Hold names and prose to plain technical English: words that were coined here are refused, with what to write instead.

Each pattern says in which context a word is meant, so that ordinary English passes ("a whole number", "two ways to").
"""

import ast
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.common.settings import ROOT

# Columns, a table and a value of published snapshots. Queries of analysts use them, so that they keep their names.
PUBLISHED = frozenset(
    {
        "awake_people_hi",
        "hidden_engagement",
        "hidden_people_hi",
        "in_force_from",
        "in_force_to",
        "is_in_force",
        "n_hidden_acts",
        "row kept out",
    }
)
A_PUBLISHED_NAME = re.compile(rf"\b({'|'.join(sorted(PUBLISHED))})\b")
# These hold the words in order to refuse them.
QUOTES_THEM = ("docs/NAMING.md", "tests/conventions/test_plain_words.py", "tests/report/test_plain_pages.py")


@dataclass(frozen=True)
class Coinage:
    """A coined expression as a pattern (case does not matter), and what to write instead."""

    pattern: str
    instead: str


PROSE = (
    Coinage(r"\bwhat (did not|didn't|does not) come\b|\bwhat came\b", "missing data; what was received"),
    Coinage(r"\bin force\b", "current (valid_from, valid_to)"),
    Coinage(r"\b(gone|going|goes|go) on (from|by)\b", "continues from; incremental base"),
    Coinage(r"\b(carr(y|ies|ied) forward|carries on)\b", "incremental night; carried over"),
    Coinage(r"\bhidden (acts?|people|likers?)\b", "unlisted interactions"),
    Coinage(r"\b(an?|our|their|each|any|lists? of|with|many|no|undated|such|those|these|first|of|all) acts?\b(?! of)",
            "interaction"),
    Coinage(r"\bwho (acts?|acted)\b|\bpeople (act|acted)\b", "interact"),
    Coinage(r"\bsigns? of life\b", "activity"),
    Coinage(r"\b(awake|liveli(er|est)|lively) (people|persons?|followers?|members?)\b", "active people"),
    Coinage(r"\bkept out\b", "rejected"),
    Coinage(r"\bkept aside\b", "ignored"),
    Coinage(r"\blists? of nobody\b|\bholds nobody\b", "verified empty list"),
    Coinage(r"\b(whole|cut) lists?\b|\blists? (is|are) (not )?whole\b|\bcalled whole\b", "complete, partial list"),
    Coinage(r"\bprov(e|es|ed|ing)\b[\w ]* whole\b", "check the integrity"),
    Coinage(r"\bleaves? the house\b", "is released"),
    Coinage(r"\bcomings,? (and )?goings\b|\bcomes and goes\b", "arrivals and departures"),
    Coinage(r"\bcompiles? to ways\b|\bdefinition's ways\b|\bways \(disjunctive", "clauses"),
    Coinage(r"\bYoursToFix\b", "UserError"),
    Coinage(r"\b(will|would|might|could|that|what|and|nothing|who|it|nobody|not|to) tells?( us)?[.,:;]"
            r"|\bcannot be told\b|\btold apart\b|\bas told\b|\btells? (of|nothing)\b", "say, decide, be distinguished"),
    Coinage(r"\b(is|are|was|were) (said|told) of\b|\bthings told\b", "declared, reported"),
    Coinage(r"\bloud(er|est|ness)?\b", "overdispersed; overdispersion"),
    Coinage(r"\bhang together\b", "are autocorrelated"),
    Coinage(r"\bhow sure\b|\bsurer\b", "how certain; the interval"),
    Coinage(r"\bdoubts?\b", "uncertainty"),
    Coinage(r"\bbe content\b", "do nothing"),
    Coinage(r"\bstands? (beside|for itself|there)\b", "is beside"),
    Coinage(r"\bworth saying\b|\bsays? nothing of\b", "say it plainly"),
    Coinage(r"\b(makes?|made) of our own making\b", "our own"),
    Coinage(r"\bgoes? missing\b", "is missing"),
    Coinage(r"\bnight at work\b", "night in progress"),
)  # fmt: skip

NAMES = (
    Coinage(r"(^|_)awake(_|$)", "active"),
    Coinage(r"(^|_)hidden_(acts?|people|engagement|likers?)(_|$)", "unlisted_interactions"),
    Coinage(r"(^|_)is_in_force(_|$)|(^|_)in_force_(from|to)$", "is_current; valid_from, valid_to"),
    Coinage(r"(^|_)kept_(out|aside)(_|$)", "rejected; ignored"),
    Coinage(r"(^|_)is_whole(?!_week|_month)(_|$)|^whole_list", "is_complete"),
    Coinage(r"(^|_)loudness(_|$)", "overdispersion"),
    Coinage(r"YoursToFix", "UserError"),
    Coinage(r"^(told|said|doubts?|sure)$", "a noun for what it holds"),
)


@dataclass(frozen=True)
class Hit:
    """A coinage found: where, the words, and what to write instead."""

    path: str
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.found!r}; write: {self.instead}"


def prose_hits(path: str, lines: Iterable[tuple[int, str]]) -> list[Hit]:
    lines = list(lines)
    everything = "\n".join(text for _, text in lines)
    # Most files hold none of the words: one search a file is much faster than one a line.
    possible = [coinage for coinage in PROSE if re.search(coinage.pattern, everything, re.IGNORECASE)]
    return [
        Hit(path, number, found[0], coinage.instead)
        for number, text in lines
        for coinage in possible
        if (found := re.search(coinage.pattern, text, re.IGNORECASE))
    ]


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Give each paragraph of Markdown as one line with its number: a sentence may break anywhere. Code is left out."""
    text = re.sub(r"```.*?```", lambda code: "\n" * code[0].count("\n"), text, flags=re.DOTALL)
    number = 1
    for block in re.split(r"(\n\s*\n)", text):
        if block.strip():
            yield number, re.sub(r"`[^`]*`", "`code`", " ".join(block.split()))
        number += block.count("\n")


def _python(path: Path) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Give a module's prose (comments, strings) and its names, each with a line number."""
    with tokenize.open(path) as opened:
        tokens = list(tokenize.generate_tokens(opened.readline))
    prose = [(one.start[0], one.string) for one in tokens if one.type in (tokenize.COMMENT, tokenize.STRING)]
    names: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            names.append((node.lineno, node.arg))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append((node.lineno, node.id))
    return prose, names


def _plain(path: Path) -> list[tuple[int, str]]:
    """Give the lines of SQL or YAML: every word there is prose or a name."""
    return list(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))


def _may_hold_any(text: str) -> bool:
    """Most files hold none of the words: that is quickly seen without reading their syntax."""
    words = set(re.findall(r"\w+", text))
    return any(re.search(coinage.pattern, word) for coinage in NAMES for word in words) or any(
        re.search(coinage.pattern, text, re.IGNORECASE) for coinage in PROSE
    )


def hits_in(path: Path) -> list[Hit]:
    name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return prose_hits(name, [(number, A_PUBLISHED_NAME.sub("name", line)) for number, line in _paragraphs(text)])
    if not _may_hold_any(text):
        return []
    if path.suffix == ".py":
        prose, names = _python(path)
        prose = [(number, A_PUBLISHED_NAME.sub("name", line)) for number, line in prose]
    else:
        prose = [(number, A_PUBLISHED_NAME.sub("name", line)) for number, line in _plain(path)]
        names = [(number, word) for number, line in prose for word in set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", line))]
    found = [
        Hit(name, number, word, coinage.instead)
        for number, word in names
        for coinage in NAMES
        if word not in PUBLISHED and re.search(coinage.pattern, word)
    ]
    return prose_hits(name, prose) + found


def _files() -> Iterator[Path]:
    for path in sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.*")):
        if path.suffix in (".md", ".py"):
            yield path
    for folder in ("stillreach", "pipelines", "expectations", "dags", "sql", "tests"):
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.suffix in (".py", ".sql", ".yml", ".j2"):
                yield path


def test_published_names_exist() -> None:
    """A name that no contract has any more leaves the list of exceptions."""
    contracts = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "sql").rglob("*.yml"))
    assert set(A_PUBLISHED_NAME.findall(contracts)) == PUBLISHED


def test_no_coined_words() -> None:
    hits = [hit for path in _files() if str(path.relative_to(ROOT)) not in QUOTES_THEM for hit in hits_in(path)]
    assert not hits, "\n" + "\n".join(map(str, hits))


@pytest.mark.parametrize(
    "coined",
    [
        "Stillreach says what did not come.",
        "the delivery in force for its day",
        "likes, and hidden acts beside them",
        "rows of others are kept out",
        "a list of nobody ends every spell",
        "every file is proved whole",
        "given how loud the account is",
        "a silent follower with a sign of life",
    ],
)
def test_a_coined_word_is_found(coined: str) -> None:
    assert prose_hits("page.md", [(1, coined)])


@pytest.mark.parametrize(
    "plain",
    [
        "A whole number of people, in two ways.",
        "An Act of Parliament; the act came into effect in 2018.",
        "The hidden fifth of the seeds must be found again.",
        "The report tells readers what to know.",
        "Copy the whole file, then go on.",
    ],
)
def test_ordinary_english_passes(plain: str) -> None:
    assert not prose_hits("page.md", [(1, plain)])


@pytest.mark.parametrize(("name", "is_coined"), [("awake_people", True), ("is_whole_week", False), ("told", True)])
def test_names_are_held_too(name: str, is_coined: bool) -> None:
    assert any(re.search(coinage.pattern, name) for coinage in NAMES) == is_coined
