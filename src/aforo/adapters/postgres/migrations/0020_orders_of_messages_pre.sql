-- What was ordered by a message: its id is used once.
CREATE INDEX orders_of_message ON orders (source, message_id);
