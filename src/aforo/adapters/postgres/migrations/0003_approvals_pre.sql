-- Who released an order that had to be approved; empty for all others.

ALTER TABLE orders ADD COLUMN approved_by text NOT NULL DEFAULT '';
