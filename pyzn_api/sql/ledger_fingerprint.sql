-- One row: a text that changes with anything the API says about the ledger or counts into the totals. Read once a second.
-- Cost: a pass over the ledger, about 4,000 short rows after ten years.
SELECT md5(concat_ws(
    ',',
    (SELECT imported_at FROM pyzn.baseline),
    (SELECT late_at FROM pyzn.calendar),
    (SELECT concat_ws(' ', day, computed_from, missing) FROM pyzn.rankings ORDER BY day DESC LIMIT 1),
    string_agg(
        concat_ws(' ', day, status, revision, downloads, projects, extract(epoch FROM published_at)), ',' ORDER BY day
    )
))
FROM pyzn.days
WHERE retired_at IS NULL
