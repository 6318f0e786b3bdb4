CREATE TYPE mood AS ENUM ('sad', 'so-so', 'ok', 'happy');
