UPDATE t SET a = 1 WHERE a IS NULL -- what is not set
;
UPDATE t AS x SET b = 'c' WHERE x.b = 'b' AND x.id > 3;
-- ensure:online off
UPDATE t SET c = true WHERE c IS NULL AND a > 0;
UPDATE t SET c = true WHERE c IS NULL AND id IN (SELECT 1);
