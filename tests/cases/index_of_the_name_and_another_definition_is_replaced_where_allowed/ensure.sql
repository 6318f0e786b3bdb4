-- ensure:allow drop -- it was on the wrong column
CREATE INDEX IF NOT EXISTS t_a ON t (a);
