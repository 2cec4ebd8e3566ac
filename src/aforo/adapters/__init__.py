"""The only place with sockets, SQL, files, clock and entropy."""
