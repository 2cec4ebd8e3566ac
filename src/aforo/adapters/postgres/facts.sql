-- name: told_facts
-- Part of a statement: what is in "telling" (an order's facts by their ordinality, digest as bytes) goes into the facts, each with its
-- place and link, and the order's chain grows. Chains are locked first, lowest order first, so that whoever else tells facts waits.
-- FULL JOIN, though every head has a fact: the planner expects one row, and would read all heads again for each of hundreds.
heads AS MATERIALIZED (
    SELECT order_id, length, head FROM chains WHERE order_id IN (SELECT order_id FROM telling) ORDER BY order_id FOR UPDATE
), chained AS MATERIALIZED (
    SELECT t.*, h.length IS NULL AS is_first, lead(t.order_id) OVER own IS NULL AS is_last,
        COALESCE(h.length, 0) + row_number() OVER own AS place,
        link_of(COALESCE(h.head, decode(repeat('00', 32), 'hex')), t.digest) OVER own AS link
    FROM telling t FULL JOIN heads h USING (order_id)
    WINDOW own AS (PARTITION BY t.order_id ORDER BY t.ordinality)
), begun AS (
    INSERT INTO chains (order_id, length, head) SELECT order_id, place, link FROM chained WHERE is_first AND is_last
), grown AS (
    UPDATE chains c SET length = l.place, head = l.link, is_sealed = false
    FROM chained l WHERE l.is_last AND NOT l.is_first AND c.order_id = l.order_id
), told AS (
    INSERT INTO facts (order_id, step, at, sender, receiver, name, payload, digest, place, link)
    SELECT order_id, step, at, sender, receiver, name, payload, digest, place, link
    FROM chained ORDER BY order_id, ordinality
)
