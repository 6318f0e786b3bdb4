-- ensure:online always
CREATE INDEX IF NOT EXISTS t_a ON t (a);
