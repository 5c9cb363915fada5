-- The :rows most downloaded projects of the staged day.
SELECT project, downloads, pip_downloads, ci_downloads
FROM staged
WHERE breakdown = 'version'
ORDER BY downloads DESC, project
LIMIT :rows
