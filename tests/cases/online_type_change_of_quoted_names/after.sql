ALTER TABLE "Leave's ""x""" ALTER COLUMN "Total Days" TYPE numeric(4,1);
ALTER TABLE "Leave's ""x""" ALTER COLUMN "ééééééééééééééééééééééééééééééxyz" TYPE varchar(20);
ALTER TABLE "Leave's ""x""" ALTER COLUMN "select" TYPE text USING 'n' || "select";
