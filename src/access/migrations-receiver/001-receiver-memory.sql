-- receiver.db: what the receiver learns by itself and would do well to remember over a restart. Its own: written by the
-- receiver alone, read by commands. Nothing here is evidence, and all of it may be lost: cameras make their directories
-- again. So WAL, and no sync for each commit. Instants are milliseconds since the Unix epoch.
--
-- A camera is named here by its account name only; access.db says which accounts there are.

-- The directories that cameras see. They are virtual: nothing on disk has these names. The root ('') has no row.
CREATE TABLE directory (
  camera  TEXT    NOT NULL,
  -- From the camera's root, normalised, without a leading slash: 2026/11/21
  path    TEXT    NOT NULL CHECK (path <> '' AND path NOT GLOB '/*' AND path NOT GLOB '*/'),
  -- The path up to the last slash; '' for a directory of the root. Every parent but the root has a row, too.
  parent  TEXT    NOT NULL,
  -- When it, or something in it, was last used (to the hour); unused for 30 days it is forgotten.
  used_at INTEGER NOT NULL,
  PRIMARY KEY (camera, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX directory_by_parent ON directory (camera, parent);
CREATE INDEX directory_by_use ON directory (used_at);

-- From where each camera logged in. A full server keeps room for these addresses.
CREATE TABLE login (
  camera  TEXT    NOT NULL,
  -- Canonical, as domain/networks.ts writes it.
  address TEXT    NOT NULL,
  -- The last time.
  at      INTEGER NOT NULL,
  PRIMARY KEY (camera, address)
) STRICT, WITHOUT ROWID;

-- What each camera has used up of its day, for quotas. A day is a day in UTC; old ones are forgotten.
CREATE TABLE daily_usage (
  camera      TEXT    NOT NULL,
  -- 2026-11-21
  day         TEXT    NOT NULL,
  bytes       INTEGER NOT NULL DEFAULT 0,
  -- Every STOR that was let in, also one without a byte.
  files       INTEGER NOT NULL DEFAULT 0,
  -- Directories made.
  directories INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (camera, day)
) STRICT, WITHOUT ROWID;

-- Uploads that ended without close_notify and in a format without an end of its own. The same bytes under the same name
-- again are taken (domain/completeness.ts): a camera that never sends close_notify would be refused for ever.
CREATE TABLE cut_upload (
  camera TEXT    NOT NULL,
  path   TEXT    NOT NULL,
  sha256 TEXT    NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (camera, path, sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX cut_upload_by_age ON cut_upload (camera, at);
