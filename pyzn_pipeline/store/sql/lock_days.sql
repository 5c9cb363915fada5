-- Takes the session's locks on the days from :first up to :following (exclusive), oldest first. Waits for each.
SELECT pg_advisory_lock(hashtext('pyzn.day'), day)
FROM generate_series(CAST(:first AS date) - date '2000-01-01', CAST(:following AS date) - date '2000-01-01' - 1) AS day
