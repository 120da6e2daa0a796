"""The append-only record of every send: events, their fold, and the backends that keep them."""
