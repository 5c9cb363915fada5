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
  -- Replaces what Postgres cannot store: U+0000 in text, and names too long for an index entry (2,704 bytes;
  -- $longest characters always fit). Keys that become equal are added up, so every sum stays exact.
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
  SUM(k.downloads) AS downloads,  -- qualified, or BigQuery would take the alias `downloads` for the column
  SUM(k.pip_downloads) AS pip_downloads,
  SUM(k.ci_downloads) AS ci_downloads,
  CONCAT('{', STRING_AGG(CONCAT(TO_JSON_STRING(k.key), ':', CAST(k.downloads AS STRING)), ',' ORDER BY k.key), '}') AS document,
  IF(k.breakdown IN ($with_pip), CONCAT('[', STRING_AGG(CAST(k.pip_downloads AS STRING), ',' ORDER BY k.key), ']'), NULL) AS pip_counts,
  IF(k.breakdown IN ($with_ci), CONCAT('[', STRING_AGG(CAST(k.ci_downloads AS STRING), ',' ORDER BY k.key), ']'), NULL) AS ci_counts
FROM keyed AS k
GROUP BY k.breakdown, k.project
ORDER BY k.breakdown, k.project  -- fills each table's index from end to end, which is fastest
