CREATE TYPE mood AS ENUM ('good', 'bad', 'good');
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'neither good nor bad, but something of both, and a little of other things';
