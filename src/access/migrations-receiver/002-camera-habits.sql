-- What each camera does, for `clipward camera show`, and what happens now, for `camera show NAME --follow`.

-- How a camera behaved the last time, and how often it ended its uploads in which way.
CREATE TABLE camera_habit (
  camera             TEXT    PRIMARY KEY,
  -- The account that this was seen of (access.db, camera.added_at): another camera of the same name has other habits.
  account_added_at   TEXT    NOT NULL,
  -- The control connection of the last log-in.
  listener           TEXT    CHECK (listener IN ('explicit', 'implicit')),
  control_protocol   TEXT,
  control_cipher     TEXT,
  control_alpn       TEXT,
  passive_mode       TEXT    CHECK (passive_mode IN ('PASV', 'EPSV')),
  -- The last data connection whose handshake succeeded.
  data_protocol      TEXT,
  data_cipher        TEXT,
  -- It resumed a TLS session of its control connection.
  data_bound         INTEGER CHECK (data_bound IN (0, 1)),
  -- Whether the handshake was done when 150 was sent.
  data_handshake     TEXT    CHECK (data_handshake IN ('before', 'after')),
  -- Uploads that the client ended with close_notify, that it ended without, and of all uploads those that were cut short.
  with_close_notify    INTEGER NOT NULL DEFAULT 0,
  without_close_notify INTEGER NOT NULL DEFAULT 0,
  partial_uploads      INTEGER NOT NULL DEFAULT 0,
  upload_at          INTEGER,
  upload_path        TEXT,
  upload_bytes       INTEGER,
  upload_completeness TEXT   CHECK (upload_completeness IN ('whole', 'unproven', 'partial')),
  -- The last refusal that matters, as JSON (domain/session-event.ts), and the address that got it.
  refusal_at         INTEGER,
  refusal_address    TEXT,
  refusal_event      TEXT
) STRICT, WITHOUT ROWID;

-- A ring, written only while somebody follows (access.db, follow), and emptied when nobody does: user names are here as
-- they were sent, and people type passwords into the wrong field. Ids are never given twice, so that a reader can ask
-- for what is newer than what it has seen.
CREATE TABLE session_event (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The camera that is followed.
  camera   TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  -- '' for a connection that did not become a session.
  session  TEXT    NOT NULL,
  address  TEXT    NOT NULL,
  listener TEXT    NOT NULL,
  -- JSON, domain/session-event.ts
  event    TEXT    NOT NULL
) STRICT;
