-- The staged rows of one breakdown, in project order so that the index grows at one end of each project.
INSERT INTO pyzn.$table (day, project, downloads, document$columns)
SELECT :day, project, downloads, document::json$values
FROM staged
WHERE breakdown = '$name'
ORDER BY project
