-- What is known about the clocks of the cameras: one row for each time in which a clock ran on without being set. The newest
-- row of a camera is its clock now.
CREATE TABLE camera_clock (
  camera         TEXT NOT NULL,
  -- received_at of the first upload that the estimate rests on.
  since          INTEGER NOT NULL,
  -- Positive: the camera is ahead.
  offset_ms      INTEGER NOT NULL,
  -- The offset may be wrong by this much either way.
  uncertainty_ms INTEGER NOT NULL CHECK (uncertainty_ms >= 0),
  -- How many uploads it rests on.
  uploads        INTEGER NOT NULL CHECK (uploads > 0),
  -- received_at of the last upload that the estimate was changed or confirmed by, right to within an hour.
  estimated_at   INTEGER NOT NULL,
  PRIMARY KEY (camera, since)
) STRICT, WITHOUT ROWID;

-- What was taken off the claimed time to place the clip; null when nothing was.
ALTER TABLE clip ADD COLUMN clock_offset_ms INTEGER;

-- The latest claims of a camera, which its clock is estimated from.
CREATE INDEX clip_by_claim ON clip (camera, received_at DESC, claimed_at, duration_ms) WHERE claimed_at IS NOT NULL;

-- What a name claims, for the repeated hour: cameras that never date their names use one of them for ever, and none of those
-- rows is in here.
CREATE INDEX clip_by_claimed_name ON clip (camera, original_path, claimed_at)
  WHERE claimed_at IS NOT NULL AND completeness = 'whole';
