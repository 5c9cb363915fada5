-- The known events of the source: those of pyzn_pipeline/events/events.toml, which `pyzn migrate` writes, and the operator's.
CREATE SEQUENCE pyzn.own_events;
CREATE TABLE pyzn.events (
    id         text        PRIMARY KEY CHECK (id ~ '^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$'),
    kind       text        NOT NULL CHECK (kind IN ('definition', 'loss', 'late', 'names', 'column')),
    first      date        NOT NULL,
    last       date        CHECK (last >= first),
    touches    text[]      NOT NULL,
    effect     text        NOT NULL CHECK (char_length(effect) BETWEEN 1 AND 500 AND effect !~ '[[:cntrl:]]'),
    sources    text[]      NOT NULL,
    own        boolean     NOT NULL GENERATED ALWAYS AS (starts_with(id, 'own-')) STORED,
    changed_at timestamptz NOT NULL DEFAULT date_trunc('second', now())
);
COMMENT ON TABLE pyzn.events IS 'What is known of the source: when the rule of what is a row changed, rows that were lost or came late, names and columns that began.';
COMMENT ON COLUMN pyzn.events.last IS 'NULL: a change that stays, or the end is unknown.';
COMMENT ON COLUMN pyzn.events.touches IS 'The counts (downloads, files, pip, ci, without_mirrors) and breakdowns whose numbers it changes.';
COMMENT ON COLUMN pyzn.events.effect IS 'What it does to the numbers, in a sentence.';
COMMENT ON COLUMN pyzn.events.own IS 'Added here, with `pyzn event add`; the others come with PyZn, and are replaced by `pyzn migrate`.';
