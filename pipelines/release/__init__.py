"""What is released: marts after disclosure control, as CSV, Parquet and one page. See `files.write_release`.

The protection, in one place. The attacker knows every rule here, every table of tonight and of the release before, and
the laws by which counts depend on one another (`relations`); not the key. A count that is `few` is known to be small,
of one `not shown` nothing is known. A withheld count must still be able to be at least `withheld_values_at_least`
different numbers (`bounds`). Otherwise further counts are withheld until it is (`protect`).
"""

from pipelines.release.files import released_counts, write_release

__all__ = ["released_counts", "write_release"]
