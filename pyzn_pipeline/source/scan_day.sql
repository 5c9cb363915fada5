-- One UTC day of `file_downloads`, counted by every breakdown in one scan (GROUPING SETS).
--
-- Returns, by breakdown and project: one row per (breakdown, project), its keys packed in code-point order; and four
-- rows of the whole day with project NULL: breakdown 'day', the source's own COUNT(*) of the day; 'day_by_country'
-- and 'day_by_hour' (UTC), which the soft audits compare; and 'day_by_replaced', {"true": the rows whose text was
-- replaced, "false": the others}.
-- Costs one scan of the named columns of one partition: about 0.2 TiB for a day of all PyPI.
--
-- Names after a dollar sign are filled from pyzn_pipeline/breakdowns.py and the settings; @-names are bound.
WITH flat AS (
  -- The struct is flattened here: the table has a top-level `project` as well.
  SELECT
    IFNULL(REGEXP_REPLACE(LOWER(file.project), r'[-_.]+', '-'), '$unknown') AS project,  -- PEP 503
    $columns,
    CAST(EXTRACT(HOUR FROM timestamp) AS STRING) AS hour,
    IFNULL(details.installer.name = 'pip', FALSE) AS is_pip,
    IFNULL(details.ci, FALSE) AS is_ci
  FROM `$table`
  WHERE timestamp >= @start_of_day AND timestamp < @end_of_day
),
scan AS (
  -- What Postgres cannot carry is replaced, and what becomes equal adds up, so that every sum stays exact: a text
  -- has no U+0000 there, nor has JSON that is read as text; an entry of an index has 2,704 bytes at the most, where
  -- $longest characters of UTF-8 have room.
  SELECT
    SUBSTR(REGEXP_REPLACE(f.project, r'\x00', '$mark'), 1, $longest) AS project,
    $carried,
    f.hour, f.is_pip, f.is_ci,
    CAST(REGEXP_CONTAINS(CONCAT(f.project, $texts), r'\x00') OR LENGTH(f.project) > $longest AS STRING) AS replaced
  FROM flat AS f
),
counted AS (
  SELECT
    project,
    $names,
    hour,
    replaced,
    COUNT(*) AS downloads,
    COUNTIF(is_pip) AS pip_downloads,
    COUNTIF(is_ci) AS ci_downloads
  FROM scan
  GROUP BY GROUPING SETS ($sets, (country), (hour), (replaced), ())
),
keyed AS (
  SELECT
    CASE
      WHEN hour IS NOT NULL THEN 'day_by_hour'
      WHEN replaced IS NOT NULL THEN 'day_by_replaced'
      WHEN project IS NULL AND country IS NOT NULL THEN 'day_by_country'
      $cases
      ELSE 'day'
    END AS breakdown,
    COALESCE($names, hour, replaced) AS key,
    project, downloads, pip_downloads, ci_downloads
  FROM counted
)
SELECT
  k.breakdown,
  k.project,
  COUNT(*) AS keys,
  SUM(k.downloads) AS downloads,  -- qualified: an alias of this list must not be taken for the column
  SUM(k.pip_downloads) AS pip_downloads,
  SUM(k.ci_downloads) AS ci_downloads,
  CONCAT('{', STRING_AGG(CONCAT(TO_JSON_STRING(k.key), ':', CAST(k.downloads AS STRING)), ',' ORDER BY k.key), '}') AS document,
  IF(k.breakdown IN ($with_pip), CONCAT('[', STRING_AGG(CAST(k.pip_downloads AS STRING), ',' ORDER BY k.key), ']'), NULL) AS pip_counts,
  IF(k.breakdown IN ($with_ci), CONCAT('[', STRING_AGG(CAST(k.ci_downloads AS STRING), ',' ORDER BY k.key), ']'), NULL) AS ci_counts
FROM keyed AS k
GROUP BY k.breakdown, k.project
ORDER BY k.breakdown, k.project  -- so that each table's index is filled from end to end
