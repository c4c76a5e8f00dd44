-- Events: clips and pictures of one camera that belong together in time, and what a person holds.

CREATE TABLE event (
  -- Counts up, so that of two events the one opened first is known: it survives when they are merged.
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  -- 26 characters, random: what people and scripts call it.
  id       TEXT NOT NULL UNIQUE,
  camera   TEXT NOT NULL,
  -- From the start of its first clip to the end of its last. Events of one camera never overlap and are further apart than
  -- the gap (settings, events.gapMs) was when they were made.
  start_at INTEGER NOT NULL,
  end_at   INTEGER NOT NULL CHECK (end_at >= start_at)
) STRICT;

CREATE INDEX event_by_camera_and_start ON event (camera, start_at, end_at);
CREATE INDEX event_by_start ON event (start_at DESC, id DESC);

-- Where an event went that was merged into an older one: its id may be in somebody's notes.
CREATE TABLE merged_event (
  id   TEXT PRIMARY KEY,
  -- The event that has its clips now; followed and rewritten when that one is merged in turn.
  into_event TEXT NOT NULL REFERENCES event (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX merged_event_by_target ON merged_event (into_event);

-- Null for tests, sentinels and unknown files, which are no events.
ALTER TABLE clip ADD COLUMN event TEXT REFERENCES event (id);

CREATE INDEX clip_by_event ON clip (event, start_at, id) WHERE event IS NOT NULL;
-- What an older version filed; brought into events at the next start.
CREATE INDEX clip_without_event ON clip (camera, start_at) WHERE event IS NULL AND kind IN ('video', 'image');

-- A hold keeps media from every pass of retention: that of one event (whatever joins it later), or all of one camera in a
-- span of time.
CREATE TABLE hold (
  id       TEXT PRIMARY KEY,
  camera   TEXT NOT NULL,
  event    TEXT REFERENCES event (id),
  from_at  INTEGER,
  to_at    INTEGER,
  -- Why, in the words of who held it; shown as it is.
  reason   TEXT,
  added_at INTEGER NOT NULL,
  CHECK ((event IS NULL) = (from_at IS NOT NULL) AND (from_at IS NULL) = (to_at IS NULL)),
  CHECK (to_at > from_at)
) STRICT;

CREATE INDEX hold_by_event ON hold (event) WHERE event IS NOT NULL;
CREATE INDEX hold_by_camera ON hold (camera, from_at, to_at);
