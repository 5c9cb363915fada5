-- One row: how many projects gain, lose and keep how many downloads by the import in `weighed`, and the project that
-- loses most (NULL if none does) with its total before and after.
-- Costs a pass over all projects.
WITH outcome AS (
    SELECT project, coalesce(total_downloads, 0) AS before, coalesce(after, total_downloads) AS after
    FROM pyzn.projects FULL JOIN weighed USING (project)
), worst AS (
    SELECT project, before, after FROM outcome WHERE after < before ORDER BY before - after DESC, project LIMIT 1
)
SELECT count(*) FILTER (WHERE outcome.after > outcome.before) AS gaining,
       coalesce(sum(outcome.after - outcome.before) FILTER (WHERE outcome.after > outcome.before), 0) AS gained,
       count(*) FILTER (WHERE outcome.after < outcome.before) AS losing,
       coalesce(sum(outcome.before - outcome.after) FILTER (WHERE outcome.after < outcome.before), 0) AS lost,
       count(*) FILTER (WHERE outcome.after = outcome.before) AS keeping,
       coalesce(sum(outcome.before) FILTER (WHERE outcome.after = outcome.before), 0) AS kept,
       min(worst.project) AS worst, min(worst.before) AS worst_before, min(worst.after) AS worst_after
FROM outcome LEFT JOIN worst ON true
