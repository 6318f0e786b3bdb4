ALTER TABLE "Order" ADD COLUMN IF NOT EXISTS "user" text DEFAULT 'it''s' NOT NULL;
CREATE INDEX IF NOT EXISTS "Ix" ON "Order" ("user");
ALTER TABLE "Order" ADD CONSTRAINT "Say ""hi""" CHECK ("user" <> '');
