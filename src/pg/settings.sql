SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET quote_all_identifiers = off;
SET standard_conforming_strings = on;
SET lc_monetary = 'C';
SET client_encoding = 'UTF8';
SET jit = off;
-- A check or a backfill that silently saw fewer rows than a change of type does would lose values: the server refuses instead.
SET row_security = off;
