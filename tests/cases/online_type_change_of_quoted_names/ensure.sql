-- ensure:online always
ALTER TABLE "Leave's ""x""" ALTER COLUMN "Total Days" TYPE numeric(4,1) USING "Total Days"::numeric(4,1);
-- ensure:online always
ALTER TABLE "Leave's ""x""" ALTER COLUMN "ééééééééééééééééééééééééééééééxyz" TYPE varchar(20);
-- ensure:online always
ALTER TABLE "Leave's ""x""" ALTER COLUMN "select" TYPE text USING 'n' || "select" -- a comment
;
