-- ensure:keep-old
UPDATE t AS rows SET m = 'bad', b = a + 1 WHERE rows.m = 'good';
