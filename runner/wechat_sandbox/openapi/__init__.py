"""Call counters, the record of a call, the addresses of WeChat."""
