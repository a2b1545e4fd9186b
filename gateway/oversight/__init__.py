"""Oversight: what officers of parties may see of this gateway, and the record that they saw it."""
