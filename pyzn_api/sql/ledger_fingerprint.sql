-- One row: a text that changes with anything the API says about the ledger; beside it stands the edition
-- (edition.sql), which changes with imports and rankings. Read once a second.
-- Cost: a pass over the ledger, about 4,000 short rows after ten years.
SELECT md5(concat_ws(
    ',',
    (SELECT late_at FROM pyzn.calendar),
    string_agg(
        concat_ws(' ', day, status, revision, downloads, projects, extract(epoch FROM published_at)), ',' ORDER BY day
    )
))
FROM pyzn.days
WHERE retired_at IS NULL
