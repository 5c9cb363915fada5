-- The rows of a file of totals, with the line each stands on; private to the connection and gone with the transaction.
CREATE TEMP TABLE imported (
    line            bigint NOT NULL,
    project         text   COLLATE "C" NOT NULL,
    total_downloads bigint NOT NULL
) ON COMMIT DROP
