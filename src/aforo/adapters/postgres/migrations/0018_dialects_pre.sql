-- In which dialect an order was written, so that its final answer is too; and orders by the message that they came with.
ALTER TABLE orders ADD COLUMN dialect text NOT NULL DEFAULT 'iec';
CREATE INDEX orders_correlated ON orders (source, (COALESCE(NULLIF(correlation_id, ''), message_id)));
CREATE INDEX meters_usage_point ON meters (usage_point);
