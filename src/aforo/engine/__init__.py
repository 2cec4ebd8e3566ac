"""Load, decide, commit, send. It sees the world only through the ports in `ports`."""
