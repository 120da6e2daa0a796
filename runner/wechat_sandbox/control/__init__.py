"""The calls under `/_sandbox/`, by which tests and people inspect and control the sandbox."""
