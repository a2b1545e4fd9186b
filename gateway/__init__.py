"""Check, decide, store, deliver. Does not know how bytes arrive."""
