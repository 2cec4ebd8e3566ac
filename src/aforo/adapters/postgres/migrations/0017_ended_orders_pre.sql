-- How many orders have ended within the last minute: what the speed of the whole is told by.
CREATE INDEX orders_ended ON orders (ended_at) WHERE ended_at IS NOT NULL;
