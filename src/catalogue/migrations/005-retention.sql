-- What is being deleted. A row is written, and the row of the media taken away, in one transaction (I5); then the files are
-- unlinked, their directories synced, and this row goes. So an interruption leaves a row here and never a file that nobody
-- knows of.
CREATE TABLE garbage (
  -- Of the clip or segment.
  id        TEXT PRIMARY KEY,
  camera    TEXT NOT NULL,
  -- `clip` or `segment`.
  type      TEXT NOT NULL CHECK (type IN ('clip', 'segment')),
  -- Relative to the data directory.
  path      TEXT NOT NULL,
  thumbnail TEXT,
  bytes     INTEGER NOT NULL CHECK (bytes >= 0),
  -- Which rule asked for it (domain/retention-plan.ts).
  reason    TEXT NOT NULL,
  at        INTEGER NOT NULL
) STRICT;

-- From when retention counts the age of a clip: the arrival of its first upload, or for what was imported the import.
ALTER TABLE clip ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 0;
UPDATE clip SET kept_from = received_at;

-- The oldest of a camera first, with what a plan adds up.
CREATE INDEX clip_by_age ON clip (camera, kept_from, id, bytes, event);

-- When retention last made a pass by a clock that it trusts: a clock that jumps is noticed by it (domain/retention-plan.ts).
CREATE TABLE retention_pass (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  at       INTEGER NOT NULL
) STRICT;
