-- ä
/* never closed
