-- Plain SQL knows nothing of a change that was begun.
DROP TRIGGER "~a__hm" ON t;
DROP FUNCTION t_a__hm();
ALTER TABLE t ALTER COLUMN a TYPE numeric(4,1);
