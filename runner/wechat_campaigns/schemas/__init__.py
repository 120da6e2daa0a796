"""A document against its JSON Schema: a quick yes, or every problem in plain words."""
