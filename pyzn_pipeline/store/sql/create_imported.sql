-- Two temporary tables of the connection: `imported`, the rows of a file of totals with their lines (0: the project is
-- not in the file), and `weighed`, the new totals.
CREATE TEMP TABLE imported (
    line            bigint NOT NULL,
    project         text   COLLATE "C" NOT NULL,
    total_downloads bigint NOT NULL
);
CREATE TEMP TABLE weighed (
    project text   COLLATE "C" NOT NULL,
    after   bigint NOT NULL
) ON COMMIT DELETE ROWS
