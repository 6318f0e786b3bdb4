UPDATE t SET b = 'none' WHERE b IS NULL;
UPDATE t SET a = 0 WHERE a = -1;
UPDATE t SET a = 7, b = 'y' WHERE a IN (100, 200) AND b <> 'y';
