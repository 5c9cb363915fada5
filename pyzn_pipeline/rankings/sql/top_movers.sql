-- The :rows projects whose files, or downloads, changed most since the same weekday a week before, largest change first.
-- No row unless that weekday is published with the same count, which means the same. Costs one pass over the counted
-- projects.
SELECT project, day AS downloads, weekday_before AS week_before, day - weekday_before AS change
FROM counted
WHERE day <> weekday_before
  AND EXISTS (
      SELECT FROM pyzn.days, (SELECT counts ->> 'day' FROM pyzn.rankings WHERE rankings.day = :day) AS ranked (count)
      WHERE days.day = CAST(:day AS date) - 7 AND retired_at IS NULL AND (count = 'downloads' OR files IS NOT NULL)
        AND count <> ALL (pyzn.redefined(days.day, CAST(:day AS date)))
  )
ORDER BY abs(day - weekday_before) DESC, project
LIMIT :rows
