-- What retention does with one camera's media; NULL: the installation's setting (retention.*), and for max_bytes no limit of
-- its own, but an equal part of the disk.
ALTER TABLE camera ADD COLUMN keep_clips_days INTEGER CHECK (keep_clips_days BETWEEN 1 AND 36600);
ALTER TABLE camera ADD COLUMN keep_footage_days INTEGER CHECK (keep_footage_days BETWEEN 1 AND 36600);
ALTER TABLE camera ADD COLUMN max_bytes INTEGER CHECK (max_bytes > 0);
