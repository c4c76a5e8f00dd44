-- Who follows a camera just now (`clipward camera show NAME --follow`): the receiver records what happens only for these.
-- A follower renews its row every few seconds and takes it away at its end; one that was killed runs out by itself.
CREATE TABLE follow (
  -- Random, one for each run of the command.
  follower TEXT    PRIMARY KEY,
  camera   TEXT    NOT NULL REFERENCES camera (name) ON DELETE CASCADE,
  -- Milliseconds since the Unix epoch.
  until    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
