-- An unconfirmed order has ended, and is read again until its truth is known or no longer sought.

ALTER TABLE orders DROP CONSTRAINT orders_check2;
ALTER TABLE orders ADD CONSTRAINT orders_ended_waits_for_nothing
    CHECK (ended_at IS NULL OR next_at IS NULL OR state = 'UNCONFIRMED');

DROP INDEX orders_waiting;
CREATE INDEX orders_waiting ON orders (lane, next_at)
    WHERE state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED') AND next_at IS NOT NULL;
DROP INDEX orders_next;
CREATE INDEX orders_next ON orders (next_at)
    WHERE state IN ('received', 'held', 'validated', 'reconciling', 'UNCONFIRMED') AND next_at IS NOT NULL;

-- A correction waits until the result before it has its answer.
CREATE INDEX inbox_open ON inbox (order_id, id) WHERE next_at IS NOT NULL;
