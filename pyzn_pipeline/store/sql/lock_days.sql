-- Takes the session's locks on the days from :first to :last, oldest first. Waits for each.
SELECT pg_advisory_lock(hashtext('pyzn.day'), day)
FROM generate_series(CAST(:first AS date) - date '2000-01-01', CAST(:last AS date) - date '2000-01-01') AS day
