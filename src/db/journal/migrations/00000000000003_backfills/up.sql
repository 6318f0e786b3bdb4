-- Made when there is a first backfill in batches: most databases never have one.

-- A backfill in batches, and how far it is. Written in the transaction of each batch.
CREATE TABLE backfills (
    -- SHA-256 of its table and statement.
    digest text PRIMARY KEY,
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    location text NOT NULL,
    object text NOT NULL,
    -- working, pausing, paused, cancelling, canceled, done
    state text NOT NULL,
    -- The file of the table: in another one the pages are others.
    file oid NOT NULL,
    -- Which time it goes through the table.
    pass integer NOT NULL DEFAULT 1,
    next_page bigint NOT NULL DEFAULT 0,
    pages bigint NOT NULL DEFAULT 0,
    -- On servers before 14: the key after which the next batch begins, as a JSON array of texts.
    after_key text,
    rows bigint NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
