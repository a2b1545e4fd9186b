"""What happened, provably. Knows nothing of care messages."""
