-- The known projects that the imported file does not name, as if it named each with 0.
-- Costs a pass over all projects.
INSERT INTO imported (line, project, total_downloads)
SELECT 0, project, 0 FROM pyzn.projects WHERE NOT EXISTS (SELECT FROM imported WHERE imported.project = projects.project)
