CREATE TABEL a (id integer);
