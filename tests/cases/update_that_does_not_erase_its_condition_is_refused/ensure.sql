UPDATE t SET a = a + 1 WHERE a > 0;
