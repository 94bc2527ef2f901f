"""Runs untrusted programs in one pinned Docker container per core and says what they did."""
