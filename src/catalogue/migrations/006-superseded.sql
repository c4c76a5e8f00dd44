-- A partial whose bytes are the beginning of a later whole upload of the same name: that clip. The partial stays stored and
-- says so.
ALTER TABLE clip ADD COLUMN superseded_by TEXT REFERENCES clip (id) ON DELETE SET NULL;

CREATE INDEX clip_by_superseding ON clip (superseded_by) WHERE superseded_by IS NOT NULL;
-- Few: what a new whole upload may be the rest of.
CREATE INDEX clip_open_partial ON clip (camera, original_path, received_at) WHERE completeness = 'partial' AND superseded_by IS NULL;
