CREATE TYPE mood AS ENUM ('bad', 'ok');
