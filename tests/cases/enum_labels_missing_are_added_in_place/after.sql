ALTER TYPE mood ADD VALUE 'sad' BEFORE 'ok';
ALTER TYPE mood ADD VALUE 'well' AFTER 'ok';
ALTER TYPE mood ADD VALUE 'happy' AFTER 'well';
