-- name: told_facts
-- Part of a statement: what is in "telling" (an order's facts by their ordinality, digest as bytes) goes into the facts, each with its
-- place and link, and the order's chain grows. Chains are locked first, lowest order first, so that whoever else tells facts waits.
-- The planner is left no choice, since it plans once, when there are few orders: LATERAL and ON CONFLICT find a chain by its key, and a
-- FULL JOIN (every head has a fact) does not read all heads again for each of hundreds of facts.
heads AS MATERIALIZED (
    SELECT own.order_id, c.length, c.head FROM (SELECT DISTINCT order_id FROM telling ORDER BY order_id) AS own
    CROSS JOIN LATERAL (SELECT length, head FROM chains WHERE order_id = own.order_id FOR UPDATE) AS c
), chained AS MATERIALIZED (
    SELECT t.*, h.length IS NULL AS is_first, lead(t.order_id) OVER own IS NULL AS is_last,
        COALESCE(h.length, 0) + row_number() OVER own AS place,
        link_of(COALESCE(h.head, decode(repeat('00', 32), 'hex')), t.digest) OVER own AS link
    FROM telling t FULL JOIN heads h USING (order_id)
    WINDOW own AS (PARTITION BY t.order_id ORDER BY t.ordinality)
), begun AS (
    INSERT INTO chains (order_id, length, head) SELECT order_id, place, link FROM chained WHERE is_first AND is_last
), grown AS (
    INSERT INTO chains (order_id, length, head) SELECT order_id, place, link FROM chained WHERE is_last AND NOT is_first
    ON CONFLICT (order_id) DO UPDATE SET length = excluded.length, head = excluded.head, is_sealed = false
), told AS (
    INSERT INTO facts (order_id, step, at, sender, receiver, name, payload, digest, place, link)
    SELECT order_id, step, at, sender, receiver, name, payload, digest, place, link
    FROM chained ORDER BY order_id, ordinality
)
