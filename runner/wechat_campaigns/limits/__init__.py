"""A rendered send -> its problems against the platform's limits."""
