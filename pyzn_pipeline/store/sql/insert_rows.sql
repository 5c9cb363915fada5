-- Inserts the staged rows of one breakdown in project order, which fills the index once from end to end.
INSERT INTO pyzn.$table
SELECT * FROM staged_by_$name ORDER BY project
