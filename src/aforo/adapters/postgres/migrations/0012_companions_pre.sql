-- Of an order that was made with another one, to end its limit or to prove its effect: that other one.

ALTER TABLE orders RENAME COLUMN ends_order TO companion_of;
