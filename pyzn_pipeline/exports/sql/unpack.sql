-- The tidy rows of one breakdown of a batch: project, keys, and the numbers of its columns, in the order of the projects
-- and of the keys in their documents. Runs on DuckDB, over Arrow rows. tidy.py fills the names after a dollar sign.
-- Costs about a microsecond a row.
SELECT project, $keys, $names
FROM (SELECT project, unnest(json_keys($document)) AS key, $numbers FROM packed)
