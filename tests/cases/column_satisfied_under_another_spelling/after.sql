-- CURRENT_TIMESTAMP and now() are one.
SELECT 1;
