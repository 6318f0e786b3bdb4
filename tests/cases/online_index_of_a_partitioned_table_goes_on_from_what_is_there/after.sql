DROP INDEX p_new_rest_w_idx;
CREATE INDEX p_new_rest_w_idx ON p_new_rest (w);
ALTER INDEX p_new_w_idx ATTACH PARTITION p_new_rest_w_idx;
ALTER INDEX p_w ATTACH PARTITION p_old_w_idx;
DROP INDEX p_c_idx;
CREATE INDEX ON p (c);
