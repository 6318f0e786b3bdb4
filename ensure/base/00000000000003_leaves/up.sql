-- ensure:title Leaves
-- Columns that exist keep their own default and nullability, and a status its type where that is varchar.
-- ensure:accept leaves.user_id integer
-- ensure:accept leaves.start_date timestamptz
-- ensure:accept leaves.end_date timestamptz
-- ensure:accept leaves.reason text
-- ensure:accept leaves.status leavestatus
-- ensure:accept leaves.status varchar
-- ensure:accept leaves.created_at timestamptz

CREATE TABLE IF NOT EXISTS leaves (
    id         serial PRIMARY KEY,
    user_id    integer NOT NULL REFERENCES users (id),
    start_date timestamptz NOT NULL,
    end_date   timestamptz NOT NULL,
    reason     text NOT NULL,
    status     leavestatus NOT NULL,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz
);
