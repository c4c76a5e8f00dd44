-- Continuous footage: segments, and the gaps between them. Every moment in which a camera is to be recorded lies in a
-- segment, in the segment that is open, or in a gap with a reason. Instants are epoch milliseconds.

-- A finished segment: one file under footage/, about a minute, beginning with a key frame.
CREATE TABLE segment (
  -- 26 characters, random.
  id           TEXT PRIMARY KEY,
  camera       TEXT NOT NULL,
  -- Relative to the data directory.
  path         TEXT NOT NULL UNIQUE,
  -- Where it lies on the time line (domain/footage/segment-clock.ts); the next segment of a run starts where it ends.
  start_at     INTEGER NOT NULL,
  -- An hour at the most: what overlaps a span is found from its start.
  end_at       INTEGER NOT NULL CHECK (end_at BETWEEN start_at AND start_at + 3600000),
  -- By media time.
  duration_ms  INTEGER NOT NULL CHECK (duration_ms >= 0),
  bytes        INTEGER NOT NULL CHECK (bytes >= 0),
  sha256       TEXT NOT NULL CHECK (length(sha256) = 64),
  -- h264, hevc; aac or null.
  codec        TEXT NOT NULL,
  audio_codec  TEXT,
  width        INTEGER,
  height       INTEGER,
  -- The same for all segments that one connection to the camera brought: their media time is continuous.
  run          TEXT NOT NULL,
  -- SHA-256 of ftyp and moov: segments with the same can be joined without another decoder.
  init_sha256  TEXT NOT NULL CHECK (length(init_sha256) = 64),
  -- Why it ends where it ends.
  end_reason   TEXT NOT NULL CHECK (end_reason IN ('rotated', 'stopped', 'stalled', 'disconnected', 'changed', 'crash', 'disk')),
  -- From when retention counts its age: when it was finished.
  kept_from    INTEGER NOT NULL,
  -- Whether an event is near, by the margins below: it then stays as long as the event. Kept true by whoever files a segment,
  -- and by the triggers below, so that a million segments can be asked for by age without looking for the events of each.
  near_event   INTEGER NOT NULL DEFAULT 0 CHECK (near_event IN (0, 1))
) STRICT;

CREATE INDEX segment_by_camera_and_start ON segment (camera, start_at, end_at, bytes);
-- The oldest of a camera and class first, with what a plan adds up and what tells whether it is on hold.
CREATE INDEX segment_by_age ON segment (camera, near_event, kept_from, id, bytes, start_at, end_at);

-- How much footage before and after an event belongs to it (settings, events.footageBeforeMs and footageAfterMs).
CREATE TABLE footage_margin (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  before_ms  INTEGER NOT NULL,
  after_ms   INTEGER NOT NULL,
  -- Since the margins were changed, segments with an id up to this one were looked at again; null: all were.
  checked_to TEXT
) STRICT;

INSERT INTO footage_margin (one, before_ms, after_ms, checked_to) VALUES (1, 5000, 10000, NULL);

-- Events of a camera do not overlap, so that of those that begin before the end of a segment the last ones reach furthest.
-- But for events that are there only because they are on hold, one would be enough to look at.
CREATE VIEW segment_nearness AS
SELECT segment.id, EXISTS (
  SELECT 1 FROM (
    SELECT event.end_at FROM event
    WHERE event.camera = segment.camera AND event.start_at < segment.end_at + (SELECT before_ms FROM footage_margin)
    ORDER BY event.start_at DESC LIMIT 16
  ) AS last WHERE last.end_at > segment.start_at - (SELECT after_ms FROM footage_margin)
) AS is_near
FROM segment;

CREATE TRIGGER event_comes_near AFTER INSERT ON event BEGIN
  UPDATE segment SET near_event = 1
  WHERE camera = NEW.camera AND near_event = 0
    AND start_at > NEW.start_at - (SELECT before_ms FROM footage_margin) - 3600000
    AND start_at < NEW.end_at + (SELECT after_ms FROM footage_margin)
    AND end_at > NEW.start_at - (SELECT before_ms FROM footage_margin);
END;

-- Only where its start and its end have moved: an event of a month becomes longer with every clip.
CREATE TRIGGER event_moves AFTER UPDATE OF start_at, end_at ON event BEGIN
  UPDATE segment SET near_event = (SELECT is_near FROM segment_nearness AS now WHERE now.id = segment.id)
  WHERE camera = NEW.camera
    AND start_at > min(OLD.start_at, NEW.start_at) - (SELECT before_ms FROM footage_margin) - 3600000
    AND start_at < max(OLD.start_at, NEW.start_at) - (SELECT before_ms FROM footage_margin)
    AND end_at > min(OLD.start_at, NEW.start_at) - (SELECT before_ms FROM footage_margin)
    AND OLD.start_at <> NEW.start_at;
  UPDATE segment SET near_event = (SELECT is_near FROM segment_nearness AS now WHERE now.id = segment.id)
  WHERE camera = NEW.camera
    AND start_at >= min(OLD.end_at, NEW.end_at) + (SELECT after_ms FROM footage_margin)
    AND start_at < max(OLD.end_at, NEW.end_at) + (SELECT after_ms FROM footage_margin);
END;

CREATE TRIGGER event_goes AFTER DELETE ON event BEGIN
  UPDATE segment SET near_event = (SELECT is_near FROM segment_nearness AS now WHERE now.id = segment.id)
  WHERE camera = OLD.camera AND near_event = 1
    AND start_at > OLD.start_at - (SELECT before_ms FROM footage_margin) - 3600000
    AND start_at < OLD.end_at + (SELECT after_ms FROM footage_margin)
    AND end_at > OLD.start_at - (SELECT before_ms FROM footage_margin);
END;

-- The segment that is being written, one for each camera that is recording. `written_at` is renewed with every sync, so
-- that a row that is old is of a recorder that died; the next start finishes it as `crash`.
CREATE TABLE open_segment (
  camera     TEXT PRIMARY KEY,
  id         TEXT NOT NULL,
  run        TEXT NOT NULL,
  -- Without `.open`.
  path       TEXT NOT NULL,
  start_at   INTEGER NOT NULL,
  -- Where the last fragment that was synced ends, on the time line.
  end_at     INTEGER NOT NULL,
  -- Our clock at the last sync.
  written_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A time that is not in a segment. Gaps of one camera do not overlap.
CREATE TABLE gap (
  camera   TEXT NOT NULL,
  start_at INTEGER NOT NULL,
  -- Null while it lasts.
  end_at   INTEGER CHECK (end_at >= start_at),
  reason   TEXT NOT NULL CHECK (reason IN ('off', 'unreachable', 'refused', 'stalled', 'disk', 'restart', 'clock', 'unknown')),
  PRIMARY KEY (camera, start_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX gap_open ON gap (camera) WHERE end_at IS NULL;

-- When the process that records was last alive. What comes after that nobody knows about.
CREATE TABLE recorder (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  alive_at INTEGER NOT NULL
) STRICT;
