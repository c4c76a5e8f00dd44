-- `clipward ban clear`. Bans are the receiver's (receiver.db), which it alone writes, so that the command leaves a word
-- here that the receiver acts on within a second, or when it next starts. A pardon forgives what happened until it was
-- given and nothing later, so it may be read any number of times. Only the newest are kept (access/accounts.ts, maxPardons).
CREATE TABLE pardon (
  id      INTEGER PRIMARY KEY,
  -- An address or a network in canonical form, as domain/networks.ts writes it; NULL: everybody.
  network TEXT,
  -- Milliseconds since the Unix epoch.
  at      INTEGER NOT NULL
) STRICT;
