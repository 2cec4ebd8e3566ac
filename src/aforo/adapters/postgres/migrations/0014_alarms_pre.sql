-- When somebody is to be told that an order's deadline comes near, and whether that was done for this deadline.

ALTER TABLE orders ADD COLUMN alarm_at timestamptz;
ALTER TABLE orders ADD COLUMN is_warned boolean NOT NULL DEFAULT false;
CREATE INDEX orders_alarms ON orders (alarm_at) WHERE alarm_at IS NOT NULL AND ended_at IS NULL;
