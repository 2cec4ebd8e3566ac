"""The whole system in one thread on a clock wound by hand: production code and a seeded world."""
