-- What the receiver counts for /metrics, and its own starts. Counts only grow; no label is anything that a client said.
CREATE TABLE tally (
  name  TEXT NOT NULL,
  label TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (name, label)
) STRICT, WITHOUT ROWID;

-- The last starts. One that has no end is of the process that runs, or of one that crashed.
CREATE TABLE receiver_start (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
