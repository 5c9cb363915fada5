-- Stores the time of this import if it changed a total (:changed), and :as_of, if it is not NULL, for the projects
-- that no import named.
INSERT INTO pyzn.baseline AS known (as_of, imported_at) VALUES (:as_of, clock_timestamp())
ON CONFLICT ((true)) DO UPDATE SET
    as_of = coalesce(excluded.as_of, known.as_of),
    imported_at = CASE WHEN :changed THEN excluded.imported_at ELSE known.imported_at END
