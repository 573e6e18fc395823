-- No rows: the two macros every chance in the planted county is drawn with.
-- hash() of the same key and salt gives the same draw on any number of threads. The outer hash matters: DuckDB combines
-- arguments by XOR, so two salts alone would give draws that differ by a constant and lean on each other.

CREATE MACRO chance(draw_key, salt) AS (hash(hash(draw_key, salt)) >> 11)::DOUBLE / 9007199254740992;

CREATE MACRO pick(draw_key, salt, n) AS (hash(hash(draw_key, salt)) % n)::INTEGER;

CREATE MACRO iso(instant) AS strftime(instant, '%Y-%m-%dT%H:%M:%SZ');
