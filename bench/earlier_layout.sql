-- The layout that the schema had before a project's day was one row: a packed table for versions and one for countries,
-- in a schema of their own. Their partitions are made by the benchmark.
CREATE SCHEMA earlier;
GRANT USAGE ON SCHEMA earlier TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA earlier GRANT SELECT ON TABLES TO PUBLIC;

CREATE TABLE earlier.packed_by_version (
    downloads      bigint NOT NULL,
    pip_downloads  bigint NOT NULL,
    ci_downloads   bigint NOT NULL,
    day            date   NOT NULL,
    project        text   COLLATE "C" NOT NULL,
    by_version     json   NOT NULL,
    pip_by_version json   NOT NULL,
    ci_by_version  json   NOT NULL,
    PRIMARY KEY (project, day)
) PARTITION BY RANGE (day);

CREATE TABLE earlier.packed_by_country (
    downloads  bigint NOT NULL,
    day        date   NOT NULL,
    project    text   COLLATE "C" NOT NULL,
    by_country json   NOT NULL,
    PRIMARY KEY (project, day)
) PARTITION BY RANGE (day);
