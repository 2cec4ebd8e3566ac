-- name: receive
-- Insert new orders with their facts and results; one whose source and number are known is left out, with all of it.
WITH given AS (
    SELECT * FROM jsonb_populate_recordset(NULL::orders, $1)
), inserted AS (
    INSERT INTO orders (id, version, source, number, kind, sets, meter, limit_w, reason, priority, special, not_after, until, retry_of,
                        message_id, correlation_id, reply_address, language, dialect, traceparent, digest, state, received_at, lane, approved_by, restored_w, companion_of, deadline,
                        alarm_at, is_warned, attempts, next_at, fence, command_fence, cause, detail, evidence, ended_at)
    SELECT id, 1, source, number, kind, sets, meter, limit_w, reason, priority, special, not_after, until, retry_of,
           message_id, correlation_id, reply_address, language, dialect, traceparent, digest, state, received_at, lane, approved_by, restored_w, companion_of, deadline,
           alarm_at, is_warned, attempts, next_at, fence, command_fence, cause, detail, evidence, ended_at
    FROM given
    ON CONFLICT (source, number) DO NOTHING
    RETURNING id
), telling AS (
    SELECT f.ordinality, f.order_id, f.step, f.at, f.sender, f.receiver, f.name, f.payload, decode(f.digest, 'hex') AS digest
    FROM ROWS FROM (jsonb_to_recordset($2) AS (order_id bigint, step smallint, at timestamptz, sender text,
                    receiver text, name text, payload jsonb, digest text)) WITH ORDINALITY AS f
    JOIN inserted ON inserted.id = f.order_id
),
-- part: told_facts
, ended AS (
    INSERT INTO results (id, order_id, body)
    SELECT r.id, r.order_id, r.body
    FROM jsonb_to_recordset($3) AS r(id text, order_id bigint, body jsonb)
    JOIN inserted ON inserted.id = r.order_id
)
SELECT id FROM inserted

-- name: commit
-- Change orders that are still of the version given, with their facts and results; the ids of those changed.
WITH given AS (
    SELECT * FROM jsonb_populate_recordset(NULL::orders, $1)
), changed AS (
    UPDATE orders o
    SET version = g.version + 1, state = g.state, lane = g.lane, approved_by = g.approved_by, restored_w = g.restored_w, deadline = g.deadline,
        alarm_at = g.alarm_at, is_warned = g.is_warned, attempts = g.attempts, next_at = g.next_at,
        fence = g.fence, command_fence = g.command_fence, cause = g.cause, detail = g.detail, evidence = g.evidence,
        ended_at = g.ended_at
    FROM given g
    WHERE o.id = g.id AND o.version = g.version
    RETURNING o.id
), telling AS (
    SELECT f.ordinality, f.order_id, f.step, f.at, f.sender, f.receiver, f.name, f.payload, decode(f.digest, 'hex') AS digest
    FROM ROWS FROM (jsonb_to_recordset($2) AS (order_id bigint, step smallint, at timestamptz, sender text,
                    receiver text, name text, payload jsonb, digest text)) WITH ORDINALITY AS f
    JOIN changed ON changed.id = f.order_id
),
-- part: told_facts
, ended AS (
    INSERT INTO results (id, order_id, body)
    SELECT r.id, r.order_id, r.body
    FROM jsonb_to_recordset($3) AS r(id text, order_id bigint, body jsonb)
    JOIN changed ON changed.id = r.order_id
    ON CONFLICT (id) DO NOTHING
)
SELECT id FROM changed

-- name: known
-- The orders under these sources and numbers.
SELECT o.* FROM orders o
JOIN unnest($1::text[], $2::text[]) AS asked(source, number) ON o.source = asked.source AND o.number = asked.number

-- name: orders
SELECT * FROM orders WHERE id = ANY($1::bigint[])

-- name: find
SELECT * FROM orders WHERE source = $1 AND number = $2

-- name: find_number
SELECT * FROM orders WHERE number = $1 ORDER BY id DESC LIMIT 100

-- name: numbers_of_messages
SELECT asked.place, o.number
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked(source, message_id, place)
CROSS JOIN LATERAL (
    SELECT number FROM orders
    WHERE source = asked.source AND message_id = asked.message_id AND companion_of IS NULL ORDER BY id LIMIT $3) AS o

-- name: find_correlated
SELECT * FROM orders
WHERE source = $1 AND COALESCE(NULLIF(correlation_id, ''), message_id) = $2 AND companion_of IS NULL ORDER BY id LIMIT $3

-- name: latest
SELECT * FROM orders
WHERE ($2::bigint IS NULL OR id < $2)
  AND ($3::text IS NULL OR state = $3)
  AND ($4::text IS NULL OR cause = $4)
  AND ($5::text IS NULL OR meter = $5)
  AND ($6::timestamptz IS NULL OR received_at >= $6)
  AND ($7::text IS NULL OR source = $7)
ORDER BY id DESC LIMIT $1

-- name: facts
SELECT * FROM facts WHERE order_id = $1 ORDER BY serial

-- name: due
-- Of each lane asked for, and of each meter, the most urgent waiting order, unless another one of the meter is out. What is due since the
-- last moment given is urgent. Among what is equally urgent sources take turns; who was served, the latest last, comes after who was not.
SELECT asked.place, o.*
FROM unnest($1::text[], $2::timestamptz[], $3::integer[], $4::timestamptz[], $5::text[])
    WITH ORDINALITY AS asked(lane, now, most, aged, served, place)
CROSS JOIN LATERAL (
    SELECT *, row_number() OVER (PARTITION BY urgency, source ORDER BY id) AS round,
        COALESCE(array_position(string_to_array(asked.served, chr(31)), source), 0) AS turn
    FROM (
        SELECT DISTINCT ON (meter) *, GREATEST(priority, (next_at <= asked.aged)::integer) AS urgency FROM orders w
        WHERE lane = asked.lane AND next_at <= asked.now AND state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED')
          AND NOT EXISTS (SELECT 1 FROM orders out WHERE out.meter = w.meter AND out.id <> w.id
                          AND out.state IN ('dispatched', 'in_progress', 'reconciling'))
        ORDER BY meter, GREATEST(priority, (next_at <= asked.aged)::integer) DESC, id
    ) AS first_of_meter
    ORDER BY urgency DESC, round, turn, id LIMIT asked.most
) AS o
ORDER BY asked.place, o.urgency DESC, o.round, o.turn, o.id

-- name: overtaken
-- Of these orders those that a later one, which sets the same of the same meter, has overtaken, and by which number. What has ended
-- unconfirmed is only overtaken by what has changed the meter since. What waits to end a limit does not overtake it.
SELECT DISTINCT ON (o.id) o.id, later.number
FROM orders o JOIN orders later ON later.meter = o.meter AND later.id > o.id
WHERE o.id = ANY($1::bigint[]) AND o.sets <> '' AND later.sets = o.sets
  AND later.state NOT IN ('REFUSED', 'FAILED', 'EXPIRED', 'CANCELLED', 'SUPERSEDED')
  AND (later.companion_of IS DISTINCT FROM o.id OR later.state <> 'held')
  AND (o.state <> 'UNCONFIRMED' OR later.state IN ('VERIFIED', 'UNCONFIRMED'))
ORDER BY o.id, later.id DESC

-- name: older_unsent
-- Of each of these meters, with an order's id and what it sets: the older orders that wait and set the same.
SELECT o.*, asked.id AS later
FROM unnest($1::text[], $2::bigint[], $3::text[]) AS asked(meter, id, sets)
JOIN orders o ON o.meter = asked.meter AND o.id < asked.id AND o.sets = asked.sets
WHERE o.state IN ('received', 'held', 'validated') ORDER BY o.id

-- name: known_limits
SELECT asked.meter, o.limit_w FROM unnest($1::text[]) AS asked(meter) CROSS JOIN LATERAL (
    SELECT COALESCE(limit_w, restored_w) AS limit_w FROM orders
    WHERE meter = asked.meter AND state = 'VERIFIED' AND sets = 'limit' ORDER BY id DESC LIMIT 1) AS o

-- name: resume
UPDATE orders o SET next_at = asked.now, version = version + 1
FROM unnest($1::text[], $2::timestamptz[]) AS asked(lane, now)
WHERE o.lane = asked.lane AND next_at > asked.now AND state = 'validated' AND cause = 'CONCENTRATOR_UNREACHABLE'
RETURNING o.lane

-- name: lanes_due
-- From lane to lane over the index, one look into each: 100,000 waiting orders need not be read for 1,000 lanes.
WITH RECURSIVE waiting(lane) AS (
    SELECT min(lane) FROM orders
    WHERE lane > '' AND next_at IS NOT NULL AND state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED')
    UNION ALL
    SELECT (SELECT min(lane) FROM orders
            WHERE lane > w.lane AND next_at IS NOT NULL
              AND state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED'))
    FROM waiting w WHERE w.lane IS NOT NULL
)
-- LIMIT 1, not EXISTS: the planner makes a join of that, and reads every order of a lane before it looks at one.
-- ORDER BY keeps it on the index: without, it reads the whole table in the hope of an early hit, and finds nothing due.
SELECT w.lane FROM waiting w CROSS JOIN LATERAL (
    SELECT FROM orders o
    WHERE o.lane = w.lane AND next_at <= $1 AND state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED')
      AND NOT EXISTS (SELECT 1 FROM orders out WHERE out.meter = o.meter AND out.id <> o.id
                      AND out.state IN ('dispatched', 'in_progress', 'reconciling'))
    ORDER BY next_at LIMIT 1) AS first_due

-- name: next_due
SELECT min(next_at) FROM orders
WHERE next_at > $1 AND state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED')

-- name: alarms_due
SELECT * FROM orders WHERE alarm_at <= $1 AND ended_at IS NULL ORDER BY alarm_at, id LIMIT $2

-- name: next_alarm
SELECT min(alarm_at) FROM orders WHERE alarm_at > $1 AND ended_at IS NULL

-- name: in_flight
SELECT * FROM orders WHERE lane = ANY($1::text[]) AND state IN ('dispatched', 'in_progress', 'reconciling') ORDER BY id

-- name: lanes_in_flight
SELECT DISTINCT lane FROM orders WHERE state IN ('dispatched', 'in_progress', 'reconciling') ORDER BY lane

-- name: counts
SELECT state, count(*) AS orders FROM orders GROUP BY state

-- name: order_ids
SELECT nextval('order_ids') FROM generate_series(1, $1::integer)

-- name: make_room_for_facts
SELECT make_room_for_facts($1)
