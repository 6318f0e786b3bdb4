CREATE INDEX p_w ON p (w);
CREATE INDEX ON p (c DESC, lower(w)) WHERE c > 0;
CREATE UNIQUE INDEX p_key ON p (id, d, c);
