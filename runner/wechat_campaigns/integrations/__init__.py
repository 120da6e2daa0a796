"""Code hosts, chat webhooks, the guard of CI runs, approvals."""
