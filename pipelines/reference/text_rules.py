"""The two files that say how texts are judged: `tone.yml` and `substance.yml`."""

from typing import Annotated

from pydantic import Field, model_validator

from pipelines.common.settings import Settings
from pipelines.reference.reader import Entry, Text, read_entry

Count = Annotated[int, Field(ge=0, description="a whole number from 0")]
Words = Annotated[list[Text], Field(description="a list of texts; put numbers, yes and no in quotes")]


class Labeller(Entry):
    """The probability from which a text counts as hostile, and how the labeller did on a sample that people labelled.

    The counts are of texts at this threshold: hostile ones found and missed, others taken for hostile and left alone.
    """

    threshold: Annotated[float, Field(gt=0, lt=1, description="a probability above 0 and below 1")]
    true_positives: Count
    false_negatives: Count
    false_positives: Count
    true_negatives: Count
    source: Text
    reason: Text

    @model_validator(mode="after")
    def _holds_both(self) -> "Labeller":
        if not self.true_positives + self.false_negatives or not self.false_positives + self.true_negatives:
            raise ValueError("counts no hostile texts, or no others: label a sample that holds both")
        return self


class Substance(Entry):
    """What makes a text substantive: how many content words, or one word that names a place, time or incident.

    Small words do not count as content.
    """

    content_words_at_least: Count
    small_words: Words
    place_words: Words
    time_words: Words
    incident_words: Words
    reason: Text

    @property
    def stop_words(self) -> frozenset[str]:
        return frozenset(word.lower() for word in self.small_words)

    @property
    def telling_words(self) -> frozenset[str]:
        return frozenset(word.lower() for word in (*self.place_words, *self.time_words, *self.incident_words))


def read_labeller(settings: Settings) -> Labeller:
    """Read `tone.yml`, whole: the deployment's own sample of texts, else the shipped one.

    Raises `RefError` where the threshold is not a probability, a count is not a whole number, or a reason is missing.
    """
    return read_entry(settings.ref_file("tone.yml"), Labeller)


def read_substance(settings: Settings) -> Substance:
    """Read `substance.yml`: the words that the rules of substance go by.

    Raises `RefError` where a list is not one of texts, the least number is not a whole number, or the reason is empty.
    """
    return read_entry(settings.ref_file("substance.yml"), Substance)
