"""What every package shares: records, errors, hashes, words, git, worker processes, redaction."""
