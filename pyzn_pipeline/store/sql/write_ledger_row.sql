-- Inserts the day's row of the ledger. :recounted_at is NULL unless the day was counted earlier.
INSERT INTO pyzn.days (
    day, status, revision, source_downloads, downloads, pip_downloads, ci_downloads,
    downloads_without_mirrors, files, files_without_mirrors, projects, by_hour, checksum, replaced_rows,
    source, bigquery_job, mirrored_revision, mirrored_status, bytes_processed, bytes_billed, run_id,
    published_at, read_at, recounted_at, source_recount, recounted_by, suspect_because, accepted_because
) VALUES (
    :day, :status, :revision, :source_downloads, :downloads, :pip_downloads, :ci_downloads,
    :downloads_without_mirrors, :files, :files_without_mirrors, :projects, CAST(:by_hour AS json), :checksum, :replaced_rows,
    :source, :bigquery_job, :mirrored_revision, :mirrored_status, :bytes_processed, :bytes_billed, :run_id,
    statement_timestamp(), :read_at, coalesce(:recounted_at, statement_timestamp()), :source_recount, :recounted_by,
    :suspect_because, :accepted_because
)
