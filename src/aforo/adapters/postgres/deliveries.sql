-- name: outbox
SELECT id, order_id, body FROM results WHERE published_at IS NULL ORDER BY serial LIMIT $1

-- name: mark_published
-- Results that were not yet marked, with the fact of each.
WITH given AS (
    SELECT f.* FROM ROWS FROM (jsonb_to_recordset($1) AS (id text, order_id bigint, step smallint, at timestamptz,
                    sender text, receiver text, name text, payload jsonb, digest text)) WITH ORDINALITY AS f
), marked AS (
    UPDATE results r SET published_at = g.at FROM given g
    WHERE r.id = g.id AND r.published_at IS NULL RETURNING r.id
), telling AS (
    SELECT ordinality, order_id, step, at, sender, receiver, name, payload, decode(digest, 'hex') AS digest
    FROM given JOIN marked USING (id)
),
-- part: told_facts
SELECT

-- name: results_since
SELECT serial, id, order_id, body FROM results WHERE serial >= $1 ORDER BY serial LIMIT $2

-- name: republish
WITH again AS (
    UPDATE results SET published_at = NULL WHERE serial BETWEEN $1 AND $2 RETURNING id
)
SELECT count(*) FROM again

-- name: put_in_inbox
INSERT INTO inbox (id, order_id, body, received_at, state, next_at)
SELECT m.id, m.order_id, m.body, $2, 'published', $2
FROM jsonb_to_recordset($1) AS m(id text, order_id bigint, body jsonb)
ON CONFLICT (id) DO NOTHING

-- name: inbox_due
-- A correction waits until what it corrects was answered, or kept.
SELECT id, order_id, body, state, attempts, next_at FROM inbox i
WHERE next_at <= $1 AND NOT EXISTS (
    SELECT FROM inbox earlier WHERE earlier.order_id = i.order_id AND earlier.id < i.id AND earlier.next_at IS NOT NULL)
ORDER BY next_at, id LIMIT $2

-- name: next_answer_due
SELECT min(next_at) FROM inbox WHERE next_at > $1

-- name: close_deliveries
WITH given AS (
    SELECT * FROM jsonb_to_recordset($1) AS g(id text, state text, attempts integer, next_at timestamptz)
), closed AS (
    UPDATE inbox i SET state = g.state, attempts = g.attempts, next_at = g.next_at
    FROM given g WHERE i.id = g.id
), telling AS (
    SELECT f.ordinality, f.order_id, f.step, f.at, f.sender, f.receiver, f.name, f.payload, decode(f.digest, 'hex') AS digest
    FROM ROWS FROM (jsonb_to_recordset($2) AS (order_id bigint, step smallint, at timestamptz, sender text,
                    receiver text, name text, payload jsonb, digest text)) WITH ORDINALITY AS f
),
-- part: told_facts
SELECT

-- name: deliveries
SELECT r.id, r.order_id, r.body, r.published_at, i.state, i.attempts, i.next_at
FROM results r LEFT JOIN inbox i ON i.id = r.id
WHERE r.order_id = $1 ORDER BY r.serial
