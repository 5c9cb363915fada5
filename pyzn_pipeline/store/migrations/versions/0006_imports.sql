-- An import is about the projects that it names: each has a day of its own up to which it is counted already.
-- Before the first release nothing ran beside it:
-- squawk-ignore-file ban-drop-not-null, require-concurrent-index-creation

ALTER TABLE pyzn.projects ADD COLUMN imported_up_to date;
COMMENT ON COLUMN pyzn.projects.imported_up_to IS 'The total that was imported for this project counts up to and including this day; NULL: none was, and pyzn.baseline.as_of holds.';
COMMENT ON TABLE pyzn.projects IS 'Every project ever seen, with what was imported for it and its downloads over all published days after that; changed only in the transaction that publishes a day, and by imports.';

ALTER TABLE pyzn.baseline ALTER COLUMN as_of DROP NOT NULL;
COMMENT ON TABLE pyzn.baseline IS 'One row once totals were imported.';
COMMENT ON COLUMN pyzn.baseline.as_of IS 'No day up to and including this one is counted for projects that no import named; NULL: all are. Set by `pyzn import-totals --replace-all`.';
COMMENT ON COLUMN pyzn.baseline.imported_at IS 'The time of the last import that changed a total.';

-- The API looks for the newest publication with every statement.
CREATE INDEX days_published_at ON pyzn.days (published_at);
