DROP TABLE changes, runs;
