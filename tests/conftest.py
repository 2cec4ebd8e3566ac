"""Fixtures that any test may ask for by name; nothing runs until one does."""

pytest_plugins = ["postgres_server"]
