ALTER TABLE t ALTER COLUMN a TYPE varchar(10) USING a::varchar(10);
