"""Peers for tests that share no code with the product."""
