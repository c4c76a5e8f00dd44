-- After how long without an upload a camera counts as silent, in milliseconds; NULL: by its habit (domain/habit.ts), 0: never.
ALTER TABLE camera ADD COLUMN expect_every_ms INTEGER CHECK (expect_every_ms = 0 OR expect_every_ms BETWEEN 60000 AND 31622400000);
