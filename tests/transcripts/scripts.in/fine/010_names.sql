-- ensure:title What people are called
ALTER TABLE people ADD COLUMN IF NOT EXISTS name text;
