-- An import concerns only the projects that it names: each has its own day up to which it is already counted.
-- Before the first release nothing ran beside it:
-- squawk-ignore-file ban-drop-not-null, require-concurrent-index-creation

ALTER TABLE pyzn.projects ADD COLUMN imported_up_to date;
COMMENT ON COLUMN pyzn.projects.imported_up_to IS 'This project''s imported total counts up to and including this day. NULL: no total was imported for it, and pyzn.baseline.as_of applies.';
COMMENT ON TABLE pyzn.projects IS 'Every project ever seen, with its total: what was imported plus the published days after that. Changed only when a day is published and by imports.';

ALTER TABLE pyzn.baseline ALTER COLUMN as_of DROP NOT NULL;
COMMENT ON TABLE pyzn.baseline IS 'One row once totals were imported.';
COMMENT ON COLUMN pyzn.baseline.as_of IS 'For projects that no import named, days up to and including this one are not counted; NULL: all days are. Set by `pyzn import-totals --replace-all`.';
COMMENT ON COLUMN pyzn.baseline.imported_at IS 'The time of the last import that changed a total.';

-- Every statement of the API looks up the newest publication.
CREATE INDEX days_published_at ON pyzn.days (published_at);
