-- Of an order that ends a temporary limit: the order that set it.

ALTER TABLE orders ADD COLUMN ends_order bigint REFERENCES orders (id);
