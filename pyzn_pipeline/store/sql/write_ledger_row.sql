-- Inserts the day's row of the ledger with revision 1, or replaces it with the next revision. A mirrored day gets the
-- mirror's revision (:mirrored_revision), if that is higher. :recounted_at is NULL unless it was counted earlier. Returns
-- the revision.
INSERT INTO pyzn.days AS published (
    day, status, revision, source_downloads, downloads, pip_downloads, ci_downloads,
    downloads_without_mirrors, files, files_without_mirrors, projects, by_hour, checksum, replaced_rows,
    source, bigquery_job, mirrored_revision, mirrored_status, bytes_processed, bytes_billed, run_id, published_at, read_at, recounted_at, source_recount, recounted_by,
    suspect_because, accepted_because
) VALUES (
    :day, :status, greatest(1, CAST(:mirrored_revision AS integer)), :source_downloads, :downloads, :pip_downloads, :ci_downloads,
    :downloads_without_mirrors, :files, :files_without_mirrors, :projects, CAST(:by_hour AS json), :checksum, :replaced_rows,
    :source, :bigquery_job, :mirrored_revision, :mirrored_status, :bytes_processed, :bytes_billed, :run_id, statement_timestamp(), :read_at,
    coalesce(:recounted_at, statement_timestamp()), :source_recount, :recounted_by,
    :suspect_because, :accepted_because
)
ON CONFLICT (day) DO UPDATE SET
    status = excluded.status,
    revision = greatest(published.revision + 1, excluded.mirrored_revision),
    source_downloads = excluded.source_downloads,
    downloads = excluded.downloads,
    pip_downloads = excluded.pip_downloads,
    ci_downloads = excluded.ci_downloads,
    downloads_without_mirrors = excluded.downloads_without_mirrors,
    files = excluded.files,
    files_without_mirrors = excluded.files_without_mirrors,
    projects = excluded.projects,
    by_hour = excluded.by_hour,
    checksum = excluded.checksum,
    replaced_rows = excluded.replaced_rows,
    source = excluded.source,
    bigquery_job = excluded.bigquery_job,
    mirrored_revision = excluded.mirrored_revision,
    mirrored_status = excluded.mirrored_status,
    bytes_processed = excluded.bytes_processed,
    bytes_billed = excluded.bytes_billed,
    run_id = excluded.run_id,
    published_at = excluded.published_at,
    read_at = excluded.read_at,
    recounted_at = excluded.recounted_at,
    source_recount = excluded.source_recount,
    recounted_by = excluded.recounted_by,
    suspect_because = excluded.suspect_because,
    accepted_because = excluded.accepted_because
RETURNING revision
