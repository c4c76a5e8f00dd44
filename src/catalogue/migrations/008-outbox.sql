-- What goes out of the house: alerts, and the messages that tell of them. Instants are epoch milliseconds.

-- What is not as it should be, each from when it was noticed until its end was told. There is a row for each thing that is
-- wrong and none for what is right, so that a restart neither forgets an alert nor raises it again.
CREATE TABLE alert (
  -- domain/alerts.ts, alertKinds.
  kind       TEXT NOT NULL,
  -- The camera, role or certificate that it is about; '' for the installation.
  subject    TEXT NOT NULL,
  -- What is wrong, for a person.
  sentence   TEXT NOT NULL,
  raised_at  INTEGER NOT NULL,
  -- Null while it lasts. When the end was told, or there was nothing to tell it to, the row goes.
  cleared_at INTEGER,
  -- When it was last told; null: not yet.
  told_at    INTEGER,
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

-- A message on its way out, written in the transaction that notes its alerts as told (I6). It goes when it was delivered, or
-- given up, by every channel.
CREATE TABLE message (
  -- 26 characters, random. A message may arrive twice; whoever gets it tells by this.
  id   TEXT PRIMARY KEY,
  at   INTEGER NOT NULL,
  -- JSON (docs/alerts.md), without the id.
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each channel that a message still has to go through: a target that is dead holds up nobody else.
CREATE TABLE delivery (
  message  TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  -- webhook, email, command
  channel  TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- Not tried before this.
  next_at  INTEGER NOT NULL,
  PRIMARY KEY (message, channel)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_by_channel ON delivery (channel, next_at);

-- Who looks after the installation, and what he last saw.
CREATE TABLE lookout (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  looked_at       INTEGER,
  -- When the receiver was last seen running.
  heard_at        INTEGER,
  last_message_at INTEGER,
  -- JSON (inspect/health/health-facts.ts): what /metrics and /readyz are made of.
  facts           TEXT
) STRICT;

INSERT INTO lookout (one) VALUES (1);

-- The last times in which no receiver was seen running: a camera is not silent for what nobody could have heard.
CREATE TABLE deaf_time (
  from_at  INTEGER PRIMARY KEY,
  until_at INTEGER NOT NULL
) STRICT;

-- The last starts of each role. One that has no end is of a process that runs, or that crashed.
CREATE TABLE role_start (
  id       INTEGER PRIMARY KEY,
  role     TEXT NOT NULL,
  at       INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;

CREATE INDEX role_start_by_role ON role_start (role, id);

-- Counts that only grow, for /metrics. Nothing is decided by them, and no label is anything that a client said.
CREATE TABLE tally (
  name  TEXT NOT NULL,
  -- The value of the metric's one label; '' when it has none.
  label TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (name, label)
) STRICT, WITHOUT ROWID;
