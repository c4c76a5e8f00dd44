-- The chain: one entry for every file that the archive took in and for every one that retention let go. Each hash covers
-- the entry before it, so that nothing in the past can change without every later hash changing; the head of each day is
-- signed (docs/integrity.md).
CREATE TABLE chain_entry (
  -- 1, 2, 3 and so on, without a hole.
  number  INTEGER PRIMARY KEY,
  -- The day in UTC on which it was written, YYYY-MM-DD; never before the day of the entry before it.
  day     TEXT NOT NULL,
  -- `kept`: taken in. `gone`: deleted by retention (a tombstone).
  type    TEXT NOT NULL CHECK (type IN ('kept', 'gone')),
  -- The clip (or segment of footage) that it speaks of.
  subject TEXT NOT NULL,
  -- The text that was hashed, in the form of domain/chain.ts.
  line    TEXT NOT NULL,
  -- SHA-256 in hexadecimal of the hash before, a line feed, and the line.
  hash    TEXT NOT NULL UNIQUE CHECK (length(hash) = 64)
) STRICT;

CREATE INDEX chain_entry_by_subject ON chain_entry (subject, type);
CREATE INDEX chain_entry_by_day ON chain_entry (day, number);

-- The signed head of each day: of its last entry.
CREATE TABLE chain_head (
  day       TEXT PRIMARY KEY,
  number    INTEGER NOT NULL REFERENCES chain_entry (number),
  hash      TEXT NOT NULL,
  -- Ed25519, base64, over the text of domain/chain.ts; null while the catalogue was opened without a key.
  signature TEXT
) STRICT, WITHOUT ROWID;
