-- name: tables
SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('processes', 'leases') ORDER BY 1

-- name: leap
-- What was used since the backup must never be used again: counters, fences, epochs and ids go on far above.
UPDATE invocation_counters SET next = LEAST(next + {counters}, 4294967296);
UPDATE lane_epochs SET epoch = epoch + {numbers};
SELECT setval('fences', (SELECT last_value FROM fences) + {numbers});
SELECT setval('order_ids', (SELECT last_value FROM order_ids) + {numbers});
DELETE FROM leases;
DELETE FROM processes;

-- name: open_orders
SELECT count(*) FROM orders WHERE ended_at IS NULL

-- name: last_seal
SELECT number, encode(hash, 'hex') AS hash FROM seals ORDER BY number DESC LIMIT 1
