-- Adds to the import, with a total of 0, every known project that the file does not name.
-- Costs a pass over all projects.
INSERT INTO imported (line, project, total_downloads)
SELECT 0, project, 0 FROM pyzn.projects WHERE NOT EXISTS (SELECT FROM imported WHERE imported.project = projects.project)
