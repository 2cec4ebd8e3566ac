-- What an order that removes a limit goes back to, in watts, as last validated.

ALTER TABLE orders ADD COLUMN restored_w bigint CHECK (restored_w BETWEEN 1 AND 10000000);
