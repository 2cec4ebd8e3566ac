"""The commands, the settings, and the one place that builds things."""
