UPDATE t SET b = 'none' WHERE b IS NULL;
