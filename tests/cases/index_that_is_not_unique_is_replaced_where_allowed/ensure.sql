-- ensure:allow drop
CREATE UNIQUE INDEX IF NOT EXISTS t_a ON t (a);
