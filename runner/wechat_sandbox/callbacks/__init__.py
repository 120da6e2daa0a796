"""Events and the callback URL of an account's own server."""
