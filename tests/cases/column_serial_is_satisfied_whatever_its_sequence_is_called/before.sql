CREATE SEQUENCE numbers;
CREATE TABLE t (n integer DEFAULT nextval('numbers') NOT NULL);
ALTER SEQUENCE numbers OWNED BY t.n;
