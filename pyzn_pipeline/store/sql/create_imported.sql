-- The rows of a file of totals, with the line each stands on (0: the project is not in the file), and what is to become
-- of the totals; both private to the connection and gone with it.
CREATE TEMP TABLE imported (
    line            bigint NOT NULL,
    project         text   COLLATE "C" NOT NULL,
    total_downloads bigint NOT NULL
);
CREATE TEMP TABLE weighed (
    project text   COLLATE "C" NOT NULL,
    after   bigint NOT NULL
) ON COMMIT DELETE ROWS
