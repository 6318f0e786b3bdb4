-- How many sessions wait for rows that this transaction has changed: those next in line wait for it, those behind them for the row. One
-- number; none where it has changed nothing. Takes no lock beyond a look at the lock table.
WITH l AS MATERIALIZED (
    SELECT k.locktype, k.database, k.relation, k.page, k.tuple, k.transactionid, k.pid, k.granted
      FROM pg_catalog.pg_locks k WHERE k.locktype IN ('transactionid', 'tuple')
), n AS MATERIALIZED (
    SELECT l.pid FROM l
     WHERE NOT l.granted AND l.transactionid = pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid
)
SELECT (SELECT count(*) FROM n)
     + (SELECT count(*) FROM l q
         WHERE NOT q.granted AND q.locktype = 'tuple'
           AND EXISTS (SELECT FROM l h JOIN n ON n.pid = h.pid
                        WHERE h.granted AND h.locktype = 'tuple'
                          AND (h.database, h.relation, h.page, h.tuple) = (q.database, q.relation, q.page, q.tuple)))
