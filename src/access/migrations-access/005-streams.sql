-- The cameras' own streams. Their passwords are not here but in files under secrets/, which the receiver cannot read.

-- rtsp[s]://[user@]host[:port]/path, never with a password (domain/rtsp/rtsp-address.ts); NULL: nothing to record.
ALTER TABLE camera ADD COLUMN rtsp_url TEXT;
ALTER TABLE camera ADD COLUMN sub_rtsp_url TEXT;
-- `on`, `off`, or `HH:MM-HH:MM` in the camera's zone (domain/footage/record-schedule.ts).
ALTER TABLE camera ADD COLUMN record TEXT NOT NULL DEFAULT 'on';
-- 1: the camera may be answered with Basic, which shows the password to whoever listens.
ALTER TABLE camera ADD COLUMN rtsp_basic INTEGER NOT NULL DEFAULT 0 CHECK (rtsp_basic IN (0, 1));
-- SHA-256 of the certificate that rtsps must show, in hexadecimal; NULL: it is checked against the system's authorities.
ALTER TABLE camera ADD COLUMN rtsp_fingerprint TEXT CHECK (length(rtsp_fingerprint) = 64);
