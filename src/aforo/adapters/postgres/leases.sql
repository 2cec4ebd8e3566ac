-- name: join
-- No row when a later version has meanwhile taken away what this one needs.
INSERT INTO processes (id, backend, backend_start, alive_until, schema)
SELECT $1, a.pid, a.backend_start, clock_timestamp() + $2::interval, $3 FROM pg_stat_get_activity(pg_backend_pid()) a
WHERE NOT EXISTS (SELECT FROM migrations WHERE name LIKE '%\_post.sql' AND name > $3)
RETURNING id

-- name: forget_the_dead
DELETE FROM processes WHERE alive_until < clock_timestamp() - interval '1 hour'

-- name: renew
-- No row when it has lapsed: then others may have taken what it held.
UPDATE processes SET alive_until = clock_timestamp() + $2::interval
WHERE id = $1 AND alive_until > clock_timestamp()
RETURNING (SELECT count(*) FROM processes o WHERE o.id <> $1 AND is_there(o.id)) AS others

-- name: orphans
SELECT name FROM leases l
WHERE holder <> $1 AND holder IN (SELECT h.holder FROM (SELECT DISTINCT holder FROM leases) h WHERE NOT is_there(h.holder))
ORDER BY name LIMIT 1000

-- name: take
INSERT INTO leases AS l (name, holder)
SELECT asked.name, $2 FROM unnest($1::text[]) AS asked(name) WHERE is_there($2) ORDER BY asked.name
ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder WHERE l.holder = EXCLUDED.holder OR NOT is_there(l.holder)
RETURNING name

-- name: let_go
DELETE FROM leases WHERE name = ANY($1::text[]) AND holder = $2

-- name: leave
DELETE FROM processes WHERE id = $1

-- name: ring
SELECT pg_notify('aforo', subject) FROM unnest($1::text[]) AS subject
