-- The catalogue: what was filed, and what could not be. One row is the whole truth about a file under clips/; nothing of it
-- is kept in memory (I8). Instants are whole milliseconds since the Unix epoch, durations milliseconds, sizes bytes.

-- A clip: one file under clips/, as it was received. Also pictures, test files, sentinels and files that nothing can decode.
CREATE TABLE clip (
  -- The id of the upload that brought it first: 26 characters, random. So rows are not in the order of arrival.
  id                 TEXT PRIMARY KEY,
  camera             TEXT NOT NULL,
  -- What the camera called it, from its own root, normalised, without a leading slash; the last name when it was renamed in
  -- the same session. A name to show and to compare: no path on disk was ever made from it (I7).
  original_path      TEXT NOT NULL,
  -- Where the file is, relative to the data directory.
  path               TEXT NOT NULL UNIQUE,
  bytes              INTEGER NOT NULL CHECK (bytes >= 0),
  -- Computed by the archive over what it stored, in hexadecimal; equal to what the receiver computed.
  sha256             TEXT NOT NULL CHECK (length(sha256) = 64),
  kind               TEXT NOT NULL CHECK (kind IN ('video', 'image', 'test', 'sentinel', 'other')),
  -- What the end of the upload proved about the bytes, and how; the best of all receipts of this clip.
  completeness       TEXT NOT NULL CHECK (completeness IN ('whole', 'unproven', 'partial')),
  completeness_basis TEXT NOT NULL CHECK (completeness_basis IN ('close-notify', 'container', 'repeat', 'none')),
  -- The IANA zone that the camera's name was read in, and that its times are shown in. Kept here, so that a camera that
  -- moves to another zone leaves its old clips as they were.
  time_zone          TEXT NOT NULL,
  -- What the name says, whether it is believed or not; null when no time can be read from it.
  claimed_at         INTEGER,
  -- Where the clip lies on the time line, and what that rests on.
  start_at           INTEGER NOT NULL,
  time_source        TEXT NOT NULL CHECK (time_source IN ('name', 'corrected', 'container', 'arrival')),
  -- The last byte of the first upload arrived.
  received_at        INTEGER NOT NULL,
  duration_ms        INTEGER CHECK (duration_ms >= 0),
  width              INTEGER,
  height             INTEGER,
  codec              TEXT,
  -- A JPEG, relative to the data directory; null when there is none to be had.
  thumbnail          TEXT,
  -- The client deleted it later in the same session. It stays stored; this says that the client meant it to go.
  withdrawn_at       INTEGER,
  -- One sentence when something about the file is not as it should be (not to be decoded, no thumbnail), else null.
  problem            TEXT
) STRICT;

-- Newest first, for one camera and for all, with id as the tie-break, so that pages never skip or repeat a row.
CREATE INDEX clip_by_camera_and_start ON clip (camera, start_at DESC, id DESC);
CREATE INDEX clip_by_start ON clip (start_at DESC, id DESC);
-- The same bytes under the same name again are the same clip. Not unique: a rename may make two clips alike afterwards, and
-- two rows with a file each are better than a file without a row.
CREATE INDEX clip_by_name_and_bytes ON clip (camera, original_path, sha256);
-- Sums per camera are read from this index alone. There are no running totals, which could come to disagree with the rows.
CREATE INDEX clip_by_arrival ON clip (camera, received_at, kind, bytes);

-- A receipt: what the receiver said about one upload. The first of a clip carries the clip's id.
CREATE TABLE receipt (
  upload      TEXT PRIMARY KEY,
  clip        TEXT NOT NULL REFERENCES clip (id) ON DELETE CASCADE,
  received_at INTEGER NOT NULL,
  -- receipt.json as it was delivered: JSON of the schema in archive/receipt.ts.
  body        TEXT NOT NULL
) STRICT;

CREATE INDEX receipt_by_clip ON receipt (clip, received_at);

-- A note: what the client did to its own upload later in the same session. It may come before the upload that it is about,
-- since inbox entries have no order; so it refers to an upload, not to a clip, and is applied by whichever comes second.
CREATE TABLE note (
  id            TEXT PRIMARY KEY,
  camera        TEXT NOT NULL,
  upload        TEXT NOT NULL,
  type          TEXT NOT NULL CHECK (type IN ('renamed', 'withdrawn')),
  -- The new name of a rename, else null.
  original_path TEXT,
  at            INTEGER NOT NULL,
  body          TEXT NOT NULL
) STRICT;

CREATE INDEX note_by_upload ON note (upload, camera, at, id);

-- What could not be filed: it lies in quarantine/<camera>/<id>/ until a person has looked at it.
CREATE TABLE quarantined (
  camera TEXT NOT NULL,
  id     TEXT NOT NULL,
  reason TEXT NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (camera, id)
) STRICT, WITHOUT ROWID;
