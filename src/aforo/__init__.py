"""Open AMI head-end: remote power limitation that proves what it did."""
