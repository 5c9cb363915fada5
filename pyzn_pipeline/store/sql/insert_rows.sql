-- The staged rows of one breakdown, in project order so that the index is walked once from end to end.
INSERT INTO pyzn.$table
SELECT * FROM staged_by_$name ORDER BY project
