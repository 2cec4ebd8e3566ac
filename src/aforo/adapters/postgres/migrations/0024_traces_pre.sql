-- Of which trace of its sender's an order is a part (W3C Trace Context); empty: none was told.
ALTER TABLE orders ADD COLUMN traceparent text NOT NULL DEFAULT '';
