-- Passwords are kept as hashes, which tell nothing; the receiver sees the password itself at a log-in, and notes whether it is
-- one that is tried first (domain/weak-password.ts). NULL: not logged in since this is noted.
ALTER TABLE camera_habit ADD COLUMN weak_password INTEGER CHECK (weak_password IN (0, 1));
