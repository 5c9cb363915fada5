-- Replaces the totals with those in `weighed`, each with the day up to which it was imported.
-- Costs one update for each project that changes.
INSERT INTO pyzn.projects AS known (project, total_downloads, imported_up_to)
SELECT project, after, :as_of FROM weighed
ON CONFLICT (project) DO UPDATE SET
    total_downloads = excluded.total_downloads,
    imported_up_to = excluded.imported_up_to
WHERE known.total_downloads <> excluded.total_downloads
   OR known.imported_up_to IS DISTINCT FROM excluded.imported_up_to
