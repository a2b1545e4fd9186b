"""The tamper-evident log: entries, tree, sealing, keys, export and the stand-alone verifier.

Knows nothing of messages or of how bytes arrive: it imports neither the gateway nor its adapters.
"""
