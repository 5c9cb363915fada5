-- The breakdowns that a deployment can choose. Days that were read without them have NULL. Changes no row: it takes a
-- moment, however many days there are.

ALTER TABLE pyzn.days ADD COLUMN files_without_mirrors bigint;
-- squawk-ignore constraint-missing-not-valid -- the ledger has a row a day: the scan takes milliseconds
ALTER TABLE pyzn.days ADD CONSTRAINT files_without_mirrors_are_files CHECK (files_without_mirrors <= files);
COMMENT ON COLUMN pyzn.days.files_without_mirrors IS 'The files without mirrors; NULL unless the day holds a breakdown that counts them.';

ALTER TABLE pyzn.project_days
    ADD COLUMN files_without_mirrors bigint,
    ADD COLUMN by_wheel json,
    ADD COLUMN by_libc json,
    ADD COLUMN by_cpu json,
    ADD COLUMN by_implementation json,
    ADD COLUMN by_installer_version json,
    ADD COLUMN by_distro json,
    ADD COLUMN by_version_python json;
COMMENT ON COLUMN pyzn.project_days.files_without_mirrors IS 'As in pyzn.days; NULL in all rows of a day, or in none.';

CREATE VIEW pyzn.downloads_by_wheel AS
SELECT packed.day, packed.project, entry.wheel, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_wheel) AS entry (wheel, downloads);
COMMENT ON VIEW pyzn.downloads_by_wheel IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and what the file is for: the wheel''s python-abi-platform, ''sdist'' or ''(other)''. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_libc AS
SELECT packed.day, packed.project, entry.libc, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_libc) AS entry (libc, downloads);
COMMENT ON VIEW pyzn.downloads_by_libc IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and C library of the system that downloads (glibc 2.39); an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_cpu AS
SELECT packed.day, packed.project, entry.cpu, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_cpu) AS entry (cpu, downloads);
COMMENT ON VIEW pyzn.downloads_by_cpu IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and architecture of the system that downloads; an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_implementation AS
SELECT packed.day, packed.project, entry.implementation, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_implementation) AS entry (implementation, downloads);
COMMENT ON VIEW pyzn.downloads_by_implementation IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and implementation of Python; an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_installer_version AS
SELECT packed.day, packed.project, entry.installer_version, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_installer_version) AS entry (installer_version, downloads);
COMMENT ON VIEW pyzn.downloads_by_installer_version IS 'Files per UTC day, project (PEP 503 normalised) and installer with its minor version (pip 26.1); an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_distro AS
SELECT packed.day, packed.project, entry.distro, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_distro) AS entry (distro, downloads);
COMMENT ON VIEW pyzn.downloads_by_distro IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and distribution with its version (Ubuntu 24.04); an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_version_python AS
SELECT packed.day, packed.project, split_part(entry.keys, ' ', 1) AS python,
       substr(entry.keys, strpos(entry.keys, ' ') + 1) AS version, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_version_python) AS entry (keys, downloads);
COMMENT ON VIEW pyzn.downloads_by_version_python IS 'Files without mirrors per UTC day, project (PEP 503 normalised), minor version of Python and version; an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE OR REPLACE VIEW pyzn.downloads_by_project AS
SELECT day, project, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, files, files_without_mirrors
FROM pyzn.project_days;

-- concat_ws leaves NULL out: a day without these has the checksum that it had before.
CREATE OR REPLACE FUNCTION pyzn.day_checksum(of_day date) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT md5(coalesce(sum(('x' || left(md5(concat_ws(
            E'\n', project, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, files, files_without_mirrors,
            by_version, pip_by_version, ci_by_version, files_by_version, by_country, by_installer, by_python, by_system,
            by_wheel, by_libc, by_cpu, by_implementation, by_installer_version, by_distro, by_version_python
        )), 16))::bit(64)::bigint), 0)::text)
        FROM pyzn.project_days WHERE day = of_day
    );
END
$$;
