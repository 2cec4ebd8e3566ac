"""Simulated devices and the town they stand in. Pure: time is passed in, chance comes from a seed."""
