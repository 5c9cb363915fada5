-- The rows of one scan, private to the connection and gone with the transaction: a crash leaves nothing.
CREATE TEMP TABLE staged (
    breakdown     text   NOT NULL,
    project       text   COLLATE "C",
    keys          bigint NOT NULL,
    downloads     bigint NOT NULL,
    pip_downloads bigint NOT NULL,
    ci_downloads  bigint NOT NULL,
    document      text,
    pip_counts    text,
    ci_counts     text
) ON COMMIT DROP
