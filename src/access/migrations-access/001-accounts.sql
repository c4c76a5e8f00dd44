-- access.db: who may send clips, and from where. Written by the command line alone, read by the receiver, which opens it
-- read-only and may run under another user; so the journal is a rollback journal (a reader of a WAL database would have
-- to write the -shm file), and every commit is synced.
--
-- What is not here: addresses and passwords of the cameras' own streams (files under secrets/), what the receiver learns
-- by itself (receiver.db), clips (catalogue.db). Instants are ISO 8601 text in UTC. Networks are text in canonical
-- form, as domain/networks.ts writes them: 192.168.20.0/24, fd00::/8, 192.168.20.11.

-- One row. A version is never given twice, also not after a camera was removed and added again, so that nothing that was
-- remembered about an old account can be taken for knowledge about a new one.
CREATE TABLE version_counter (
  only_row     INTEGER PRIMARY KEY CHECK (only_row = 1),
  last_version INTEGER NOT NULL
) STRICT;

INSERT INTO version_counter (only_row, last_version) VALUES (1, 0);

CREATE TABLE camera (
  -- domain/camera-name.ts: [a-z0-9][a-z0-9-]{0,30}
  name                TEXT    PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 31 AND name NOT GLOB '*[^a-z0-9-]*'),
  enabled             INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  -- From version_counter, a new one with every change of this row or of its networks.
  version             INTEGER NOT NULL UNIQUE,
  -- $scrypt$ln=15,r=8,p=1$salt$hash, see password-hash.ts
  password_hash       TEXT    NOT NULL CHECK (password_hash GLOB '$scrypt$*'),
  -- IANA name; the times in file names are read in it.
  time_zone           TEXT    NOT NULL,
  -- NULL: the installation's setting (ftps.tls.truncation)
  truncation          TEXT    CHECK (truncation IN ('container', 'strict')),
  acceptance_days     INTEGER NOT NULL CHECK (acceptance_days BETWEEN 1 AND 366),
  -- 1: data connections must resume the TLS session of their control connection
  require_resumption  INTEGER NOT NULL DEFAULT 0 CHECK (require_resumption IN (0, 1)),
  -- NULL: the installation's setting (ftps.limits.maxBytesPerDay, maxFilesPerDay)
  max_bytes_per_day   INTEGER CHECK (max_bytes_per_day >= 0),
  max_files_per_day   INTEGER CHECK (max_files_per_day >= 0),
  added_at            TEXT    NOT NULL,
  password_changed_at TEXT    NOT NULL
) STRICT;

-- The networks from which one camera may log in; no row: every address of the global list.
CREATE TABLE camera_network (
  camera  TEXT NOT NULL REFERENCES camera (name) ON DELETE CASCADE,
  network TEXT NOT NULL,
  PRIMARY KEY (camera, network)
) STRICT, WITHOUT ROWID;

-- What `network add` and `network remove` changed about the settings' list (ftps.allowedNetworks). Only the difference
-- is kept, so that a later change of the settings still counts.
CREATE TABLE network_change (
  network TEXT PRIMARY KEY,
  change  TEXT NOT NULL CHECK (change IN ('added', 'removed'))
) STRICT, WITHOUT ROWID;
