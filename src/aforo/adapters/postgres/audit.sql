-- name: lock
-- One process seals at a time.
SELECT pg_advisory_xact_lock(hashtext('aforo seals'))

-- name: unsealed
SELECT order_id, length, head FROM chains WHERE NOT is_sealed AND length > sealed ORDER BY order_id LIMIT $1 FOR UPDATE

-- name: last_seal
SELECT number, at, previous, root, hash FROM seals ORDER BY number DESC LIMIT 1

-- name: put_seal
INSERT INTO seals (number, at, previous, root, hash) VALUES ($1, $2, $3, $4, $5)

-- name: put_heads
INSERT INTO sealed_heads (seal, order_id, length, link)
SELECT $1, h.order_id, h.length, h.link
FROM unnest($2::bigint[], $3::integer[], $4::bytea[]) AS h(order_id, length, link)

-- name: mark_sealed
UPDATE chains c SET sealed = h.length, is_sealed = (c.length = h.length) FROM unnest($1::bigint[], $2::integer[]) AS h(order_id, length)
WHERE c.order_id = h.order_id

-- name: facts
-- Those from before the trail began are left out. Any other that is outside of its order's chain has no place in it.
SELECT f.* FROM facts f
WHERE (f.order_id, COALESCE(f.place, 0)) > ($1, $2)
  AND (f.place IS NOT NULL
       OR NOT EXISTS (SELECT FROM audit_start s WHERE f.serial <= s.serial AND f.order_id <= s.order_id))
ORDER BY f.order_id, COALESCE(f.place, 0) LIMIT $3

-- name: facts_of_order
SELECT * FROM facts WHERE order_id = $1 AND place IS NOT NULL ORDER BY place

-- name: seals
SELECT number, at, previous, root, hash FROM seals WHERE number > $1 ORDER BY number LIMIT $2

-- name: seal
SELECT number, at, previous, root, hash FROM seals WHERE number = $1

-- name: heads
SELECT seal, order_id, length, link FROM sealed_heads WHERE seal = ANY($1::bigint[]) ORDER BY seal, order_id

-- name: latest_seal_of
SELECT max(seal) FROM sealed_heads WHERE order_id = $1
