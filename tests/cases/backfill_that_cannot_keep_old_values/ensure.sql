-- ensure:keep-old
UPDATE t SET a = 1 WHERE a IS NULL;
