"""The stores' ports over a message broker, for processes that do not reach the database's network."""
