CREATE TABLE "Leave's ""x""" ("id %s" integer PRIMARY KEY, "Total Days" integer NOT NULL DEFAULT 1 CHECK ("Total Days" >= 0),
    "ééééééééééééééééééééééééééééééxyz" text UNIQUE, "select" integer) WITH (autovacuum_enabled = off);
INSERT INTO "Leave's ""x""" SELECT n, n, n, n FROM generate_series(1, 20) AS n;
CREATE INDEX "Days" ON "Leave's ""x""" ("Total Days") WHERE "Total Days" > 3;
CREATE INDEX "IIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII" ON "Leave's ""x""" (lower("ééééééééééééééééééééééééééééééxyz"), "select" DESC NULLS LAST) INCLUDE ("id %s") WITH (fillfactor = 80);
COMMENT ON COLUMN "Leave's ""x"""."Total Days" IS 'it''s';
