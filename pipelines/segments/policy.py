"""What a segment may not be about: reads `refused.yml`, and finds its words in what a definition says.

A guard against a slip, not against ill will: a word that nobody listed is found by the reviewer who signs. The words,
their topics and the override are explained in `docs/POLICY.md`.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.common.errors import RefError
from pipelines.reference.reader import read_yaml

TOPICS = ("health", "politics", "religion", "ethnicity", "sex_life", "trade_union", "crime", "named_person")
PERSON = "named_person"
TOPIC_KEYS = ("policy", "why", "words", "allowed")
PERSON_KEYS = ("given_names", "given_names_also_words", "surnames", "not_surnames")
HANDLE = "@…"

_WORD = re.compile(r"[^\W_]+")
_HANDLE = re.compile(r"@\w")
_ANCHOR = re.compile(r"[\w./-]+\.md#[a-z][a-z-]*")
_BLANKS = " \t_-\u2010\u2013"
_ALSO_NAMED = 3

Words = tuple[str, ...]


class Phrase(NamedTuple):
    """A listed word or phrase: folded into its words, as it is listed, and its topic."""

    words: Words
    listed: str
    topic: str


class Word(NamedTuple):
    """One word of a text: folded, whether it began with a capital, whether only blanks part it from the one before."""

    folded: str
    capital: bool
    adjoins: bool


class Said(NamedTuple):
    """A refusal in the parts that an error takes."""

    thing: str
    found: str
    hint: str


@dataclass(frozen=True)
class Topic:
    """One thing a segment may not be about: where the policy explains it, and why in one sentence."""

    name: str
    policy: str
    why: str


@dataclass(frozen=True)
class Policy:
    """The refused words and the phrases that excuse them, by first word, longest first; and what makes a name."""

    topics: Mapping[str, Topic]
    refused: Mapping[str, Sequence[Phrase]]
    allowed: Mapping[str, Sequence[Phrase]]
    given_names: frozenset[str]
    given_names_also_words: frozenset[str]
    surnames: frozenset[Words]
    not_surnames: frozenset[str]


@dataclass(frozen=True)
class Refusal:
    """One refused word: in which file and where in it, as which topic, by which policy, and why.

    The word is the listed one. Of a person's name it is the given name alone, of a handle `@…`: an error names nobody.
    """

    segment: str
    where: str
    word: str
    topic: str
    policy: str
    why: str

    @property
    def overridable(self) -> bool:
        """Whether `lawful_basis` and `approved_by` lift it: a handle is one person's, and stays refused."""
        return self.word != HANDLE


def read_policy(path: Path) -> Policy:
    """Read `refused.yml`.

    Raises `RefError` naming topic and key where a topic is missing or unknown, a key is unknown or empty, a word stands
    twice, or an allowed phrase contains no refused word and so excuses nothing.
    """
    read = read_yaml(path)
    for name in (*read, *TOPICS):
        if name not in TOPICS or name not in read:
            found = "has no topic" if name in TOPICS else "has the unknown topic"
            raise RefError(path.name, f"{found} {name}", known=TOPICS)
    keys = {name: (*TOPIC_KEYS, *(PERSON_KEYS if name == PERSON else ())) for name in TOPICS}
    listed = {name: _checked(f"{path.name}: {name}", read[name], keys[name]) for name in TOPICS}
    names = {key: listed[PERSON][key] for key in PERSON_KEYS}
    refused, allowed = _phrases(path, listed, "words"), _phrases(path, listed, "allowed")
    _check_excuses(path, allowed, refused, {_fold(name) for key in PERSON_KEYS[:2] for name in names[key]})
    return Policy(
        topics={name: Topic(name, one["policy"], one["why"].rstrip(".")) for name, one in listed.items()},
        refused=_by_first_word(refused),
        allowed=_by_first_word(allowed),
        given_names=_single_words(path, names, "given_names"),
        given_names_also_words=_single_words(path, names, "given_names_also_words"),
        surnames=frozenset(_fold(name) for name in names["surnames"]),
        not_surnames=_single_words(path, names, "not_surnames"),
    )


def _phrases(path: Path, topics: Mapping[str, Any], key: str) -> dict[Words, Phrase]:
    """Fold the phrases of one key of every topic; one that stands in the file twice is refused."""
    phrases: dict[Words, Phrase] = {}
    for name in TOPICS:
        for listed in topics[name][key]:
            words = _fold(listed)
            if words in phrases:
                raise RefError(f"{path.name}: {name}.{key}", f"has {listed!r}, which stands in {path.name} twice")
            phrases[words] = Phrase(words, listed, name)
    return phrases


def _check_excuses(
    path: Path, allowed: Mapping[Words, Phrase], refused: Mapping[Words, Phrase], givens: Collection[Words]
) -> None:
    """Refuse an allowed phrase that contains no refused word of its topic, and so excuses nothing."""
    for phrase in allowed.values():
        parts = set(_parts(phrase.words))
        has_word = any(part in refused and refused[part].topic == phrase.topic for part in parts)
        if not has_word and not (phrase.topic == PERSON and parts & set(givens)):
            raise RefError(
                f"{path.name}: {phrase.topic}.allowed",
                f"has {phrase.listed!r}, which contains no refused word",
                hint="an allowed phrase is longer than the word of its topic that it excuses",
            )


def refusals(policy: Policy, texts: Mapping[str, Iterable[str]], *, segment: str = "") -> list[Refusal]:
    """Find what a definition may not say, in the order of its places; each word once per place.

    `texts` holds, by place (`title`, `rule 'bio_says'`), what the definition says there, as spelt: the capitals of a
    name count. Takes time in proportion to the length of the texts.
    """
    found: dict[tuple[str, str], Refusal] = {}
    for where, said_there in texts.items():
        for text in said_there:
            for word, name in _refused(policy, text):
                topic = policy.topics[name]
                found.setdefault((where, word), Refusal(segment, where, word, topic.name, topic.policy, topic.why))
    return list(found.values())


def is_refused(policy: Policy, word: str) -> bool:
    """Say whether a word may not even be suggested: it is refused, or it is a given name."""
    folded = _fold(word)
    return (len(folded) == 1 and folded[0] in policy.given_names) or next(_refused(policy, word), None) is not None


def message_of(found: Sequence[Refusal]) -> Said:
    """Say refusals of one file as one error: file, place, word, topic, policy, why; and how an override works.

    A refusal that no override lifts is said first. Assumes at least one.
    """
    first, *others = sorted(found, key=lambda refusal: refusal.overridable)
    sentence = f"says {first.word!r}, refused as {first.topic} by {first.policy} ({first.why})"
    if others:
        also = [f"{other.word!r} ({other.where})" for other in others[:_ALSO_NAMED]]
        more = len(others) - len(also)
        sentence += f"; also {', '.join(also)}" + (f" and {more} more" if more else "")
    hint = (
        "describe the community by what it does; an override needs lawful_basis and approved_by and is shown on every "
        "output"
        if first.overridable
        else "name a community, not a person: no override lifts this"
    )
    return Said(f"{first.segment}: {first.where}" if first.segment else first.where, sentence, hint)


def _refused(policy: Policy, text: str) -> Iterator[tuple[str, str]]:
    """Give each refused word of a text with its topic, from left to right, a longer phrase before a shorter."""
    plain = _plain(text)
    if _HANDLE.search(plain):
        yield HANDLE, PERSON
    spelt = _words(plain)
    words = [word.folded for word in spelt]
    excused = 0  # up to where the allowed phrases reach that begin here or before
    behind = 0  # up to where the last refused phrase reaches
    for at in range(len(words)):
        if allowed := _longest(policy.allowed, words, at):
            excused = max(excused, at + len(allowed.words))
        if at >= behind and (phrase := _longest(policy.refused, words, at)):
            end = at + len(phrase.words)
            if end > excused:
                yield phrase.listed, phrase.topic
                behind = end
        if at >= excused and _is_name(policy, spelt, words, at):
            yield f"{words[at]} …", PERSON


def _is_name(policy: Policy, spelt: Sequence[Word], words: Sequence[str], at: int) -> bool:
    """Say whether a full name begins here: a given name, then a surname of the list or a word with a capital."""
    given = words[at] in policy.given_names
    if not given and words[at] not in policy.given_names_also_words:
        return False
    if at + 1 == len(spelt) or not spelt[at + 1].adjoins:
        return False
    if any(tuple(words[at + 1 : at + 1 + length]) in policy.surnames for length in (1, 2)):
        return True
    return given and spelt[at].capital and spelt[at + 1].capital and words[at + 1] not in policy.not_surnames


def _longest(phrases: Mapping[str, Sequence[Phrase]], words: Sequence[str], at: int) -> Phrase | None:
    for phrase in phrases.get(words[at], ()):
        if tuple(words[at : at + len(phrase.words)]) == phrase.words:
            return phrase
    return None


def _by_first_word(listed: Mapping[Words, Phrase]) -> dict[str, list[Phrase]]:
    """Group phrases by first word, longest first; each phrase also counts written as one word, as in hashtags."""
    joined: dict[Words, Phrase] = {("".join(words),): phrase for words, phrase in listed.items()}
    phrases: dict[str, list[Phrase]] = {}
    for words, phrase in {**joined, **listed}.items():
        phrases.setdefault(words[0], []).append(phrase._replace(words=words))
    for same in phrases.values():
        same.sort(key=lambda phrase: -len(phrase.words))
    return phrases


def _parts(words: Words) -> Iterator[Words]:
    """Give every shorter run of words inside a phrase."""
    return (
        words[start:end]
        for start in range(len(words))
        for end in range(start + 1, len(words) + 1)
        if end - start < len(words)
    )


def _plain(text: str) -> str:
    """Strip accents and invisible characters, and write look-alike forms (full width, ligatures) as plain ones."""
    if text.isascii():
        return text
    # Marks go first: putting a long run of them in order would take time in proportion to its square.
    return _unmarked(unicodedata.normalize("NFKD", _unmarked(text)))


def _unmarked(text: str) -> str:
    return "".join(
        letter
        for letter in text
        if not unicodedata.combining(letter) and unicodedata.category(letter) not in ("Mn", "Cf")
    )


def _words(plain: str) -> list[Word]:
    words: list[Word] = []
    end = 0
    for match in _WORD.finditer(plain):
        spelt = match.group()
        adjoins = bool(words) and not plain[end : match.start()].strip(_BLANKS)
        words.append(Word(spelt.casefold(), spelt[0].isupper(), adjoins))
        end = match.end()
    return words


def _fold(listed: str) -> Words:
    return tuple(word.folded for word in _words(_plain(listed)))


def _single_words(path: Path, names: Mapping[str, Sequence[str]], key: str) -> frozenset[str]:
    if longer := [name for name in names[key] if len(_fold(name)) > 1]:
        raise RefError(f"{path.name}: {PERSON}.{key}", f"has {longer[0]!r}, which is more than one word")
    return frozenset(_fold(name)[0] for name in names[key])


def _checked(thing: str, topic: Any, known: Sequence[str]) -> dict[str, Any]:
    """Hold a topic against its keys: two sentences, the rest lists of words in lower case."""
    if not isinstance(topic, dict):
        raise RefError(thing, "is no mapping of keys to values", known=known)
    for key in (*topic, *known):
        if key not in known or key not in topic:
            raise RefError(thing, f"has {'no' if key in known else 'the unknown key'} {key}", known=known)
    for key in ("policy", "why"):
        if not isinstance(topic[key], str) or not topic[key].strip():
            raise RefError(f"{thing}.{key}", "is no sentence")
    if not _ANCHOR.fullmatch(topic["policy"]):
        raise RefError(
            f"{thing}.policy", f"is {topic['policy']!r}, which names no section", hint="docs/POLICY.md#health"
        )
    for key in known:
        if key in ("policy", "why"):
            continue
        if not isinstance(topic[key], list) or not topic[key]:
            raise RefError(f"{thing}.{key}", "is no list of words, or an empty one")
        for word in topic[key]:
            if not isinstance(word, str) or not _fold(word) or word != word.lower():
                raise RefError(f"{thing}.{key}", f"has {word!r}", hint="a word or phrase in lower case")
    return topic
