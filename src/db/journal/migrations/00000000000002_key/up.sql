-- Made by the second run: the first one finds what it has written without it.
ALTER TABLE changes ADD PRIMARY KEY (run_id, number);
