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
