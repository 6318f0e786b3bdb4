-- ensure:allow drop
DROP TABLE IF EXISTS t;
