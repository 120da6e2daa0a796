"""What every package shares: records, errors, hashes, words, git, the fence, redaction."""
