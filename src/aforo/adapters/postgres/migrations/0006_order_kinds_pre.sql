-- Kinds of orders are a table of the code. A later order replaces an older one that sets the same of a meter.

ALTER TABLE orders DROP CONSTRAINT orders_kind_check;
ALTER TABLE orders DROP CONSTRAINT orders_check;
ALTER TABLE orders ADD CONSTRAINT orders_limit_is_told CHECK (kind <> 'LIMIT' OR limit_w IS NOT NULL);
-- Code that does not know the column yet inserts orders of kind LIMIT alone.
ALTER TABLE orders ADD COLUMN sets text NOT NULL DEFAULT 'limit';
UPDATE orders SET sets = '' WHERE kind = 'READ';
DROP INDEX orders_verified;
CREATE INDEX orders_verified ON orders (meter, id) WHERE state = 'VERIFIED' AND sets = 'limit';
