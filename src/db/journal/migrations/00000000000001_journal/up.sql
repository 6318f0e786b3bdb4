-- The memory of hrms-migrate. Losing it loses no correctness: what holds is read from the catalog.
--
-- No sequence, key, default or check: a first run waits for these tables, and who writes them holds the runner lock.

-- A run that changed something, or failed to.
CREATE TABLE runs (
    -- Unique without an index: there are few, and who writes them holds the runner lock.
    id bigint NOT NULL,
    command text NOT NULL,
    begun_at timestamptz NOT NULL,
    -- NULL while it works, and for ever where it was killed and nobody has run since.
    ended_at timestamptz,
    -- done, interrupted, or the name of what went wrong (an error code).
    outcome text,
    exit_code integer,
    role text NOT NULL,
    os_user text,
    host text,
    -- The server's process of the session that works.
    process integer NOT NULL,
    tool_version text NOT NULL,
    -- The revision of the scripts in version control.
    revision text,
    -- SHA-256 over the tokens of all scripts.
    scripts_digest text,
    -- The file or directory of the backup made before its first change, on that host.
    backup text,
    -- For how long others may have waited for locks of this run.
    blocked_ms bigint NOT NULL,
    -- What went wrong: no secret and no content of a row.
    error text,
    -- The objects that it has touched, as they were at its end: JSON. NULL where it was killed.
    left_as text
);

-- A step that was sent. One in a transaction is here only where it was committed.
CREATE TABLE changes (
    run_id bigint NOT NULL,
    number integer NOT NULL,
    -- begun, done, failed
    state text NOT NULL,
    recorded_at timestamptz NOT NULL,
    script text NOT NULL,
    script_digest text NOT NULL,
    -- script:line:column
    location text NOT NULL,
    verb text NOT NULL,
    object text NOT NULL,
    sql text NOT NULL,
    -- What takes it back, as the text of an ensure script; NULL where it belongs to another step of its statement.
    inverse text,
    -- exact, loses (data), unknown
    inverse_kind text,
    -- What the inverse loses and how to count it, or why there is none: JSON.
    inverse_notes text,
    elapsed_ms double precision,
    rows bigint,
    attempts integer NOT NULL,
    -- Time spent in attempts that did not get their lock.
    lock_wait_ms double precision NOT NULL,
    -- From the strong lock to the end of the step's transaction.
    blocked_ms double precision NOT NULL,
    sqlstate text,
    error text,
    -- The run that took it back.
    undone_by bigint
)
    -- A row is not worth to be compressed as long as it fits on a page.
    WITH (toast_tuple_target = 8160);
