"""The Legacy Integration Database on PostgreSQL, embedded or external."""
