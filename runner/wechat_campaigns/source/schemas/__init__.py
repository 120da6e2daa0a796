"""Check documents by the JSON Schemas, and word what they refuse."""
