-- Inserts the staged rows in project order, which fills the index once from end to end.
INSERT INTO pyzn.project_days
SELECT * FROM staged ORDER BY project
