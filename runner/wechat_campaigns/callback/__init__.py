"""What the platform pushes in, events of the ledger out: verified, decrypted, each kept once."""
