DROP TABLE backfills, changes, runs;
