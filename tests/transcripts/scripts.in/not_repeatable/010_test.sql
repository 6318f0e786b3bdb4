INSERT INTO holidays (date, name) VALUES ('2026-01-26', 'Republic Day');
