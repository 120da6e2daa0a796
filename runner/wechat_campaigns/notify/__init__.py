"""What happened → who is told: chat robots, webhooks, programs."""
