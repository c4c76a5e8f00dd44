-- Who is not let in for a while (domain/bans.ts), so that a restart is no pardon. A ban that has ended stays for a day, to
-- make the next one longer. Instants are milliseconds since the Unix epoch.
CREATE TABLE ban (
  -- An address or an IPv6 /64, as domain/networks.ts writes it.
  subject    TEXT    PRIMARY KEY,
  since      INTEGER NOT NULL,
  until      INTEGER NOT NULL,
  -- 1 for the first of a row of bans.
  repetition INTEGER NOT NULL CHECK (repetition >= 1),
  -- What happened how often: a JSON object of numbers, by the names in domain/ban-score.ts.
  reasons    TEXT    NOT NULL CHECK (json_valid(reasons))
) STRICT, WITHOUT ROWID;
