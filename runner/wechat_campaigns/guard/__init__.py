"""Whether this run may apply, by what was approved and recorded; the secrets, read where it may."""
