"""The steps of `apply`: uploads once, one draft, intent, one call, outcome."""
