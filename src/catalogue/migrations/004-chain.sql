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

-- The signed head of each day: of its last entry. That of the last day is replaced with every entry.
CREATE TABLE chain_head (
  day       TEXT PRIMARY KEY,
  number    INTEGER NOT NULL REFERENCES chain_entry (number),
  hash      TEXT NOT NULL,
  -- Ed25519, base64, over the text of domain/chain.ts.
  signature TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX chain_head_by_number ON chain_head (number);

-- Clips that have no entry yet, in order of arrival: those that a version before the chain filed, and what was filed by a
-- catalogue that was opened without a key. Every clip has an entry or is here; the daemon appends them at its start.
CREATE TABLE chain_pending (
  received_at INTEGER NOT NULL,
  clip        TEXT NOT NULL UNIQUE REFERENCES clip (id) ON DELETE CASCADE,
  PRIMARY KEY (received_at, clip)
) STRICT, WITHOUT ROWID;

INSERT INTO chain_pending (received_at, clip) SELECT received_at, id FROM clip;
