-- One UTC day of `file_downloads`, counted by every breakdown in one scan (GROUPING SETS).
--
-- Returns one row per project: its counts, and for each breakdown the keys packed in code-point order. One more row,
-- with project NULL, has the PyPI totals: the source's own counts of the day's rows, those by each breakdown whose keys
-- mean the same for every project, and by UTC hour. `replaced_rows` counts the rows with
-- U+0000 in a key or with a name that no project can have.
-- Costs one scan of the named columns of one partition: about 0.3 TiB for a day of all PyPI; file names, which only some
-- days need (file_names.py), about double that.
--
-- Names after a dollar sign are filled from pyzn_pipeline/breakdowns.py and the settings; @-names are bound.
WITH flat AS (
  -- The struct is flattened here: the table has a top-level `project` as well.
  SELECT
    CASE  -- the rule of pyzn_pipeline/names.py
      WHEN file.project IS NULL THEN '$unknown'
      WHEN REGEXP_CONTAINS(file.project, r'^$name$$') THEN REGEXP_REPLACE(LOWER(file.project), r'[-_.]+', '-')
      ELSE '$invalid'
    END AS project,
    $keys,
    CAST(EXTRACT(HOUR FROM timestamp) AS STRING) AS hour,
    $conditions
  FROM `$table`
  WHERE timestamp >= @start AND timestamp < @end
),
scan AS (
  -- Replaces U+0000, which Postgres cannot store. Keys that become equal are added up, so every sum stays exact.
  SELECT
    f.project,
    $carried,
    f.hour, $flags,
    f.project = '$invalid' OR REGEXP_CONTAINS(CONCAT($texts), r'\x00') AS is_replaced
  FROM flat AS f
),
counted AS (
  SELECT
    project,
    $names,
    hour,
    $counts,
    COUNTIF(is_replaced) AS replaced_rows
  FROM scan
  GROUP BY GROUPING SETS ($sets, (hour), (project), ())
),
keyed AS (
  SELECT
    CASE $cases WHEN hour IS NOT NULL THEN 'hour' ELSE 'total' END AS breakdown,
    COALESCE($names, hour) AS key,
    project, $columns, replaced_rows
  FROM counted
)
SELECT
  k.project,
  $results
FROM keyed AS k
GROUP BY k.project
ORDER BY k.project  -- fills the table's index from end to end, which is fastest
