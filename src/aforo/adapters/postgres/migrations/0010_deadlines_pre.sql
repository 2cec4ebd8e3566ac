-- Until when an order is tried; null before it is first validated, and of orders from before this column.

ALTER TABLE orders ADD COLUMN deadline timestamptz;
