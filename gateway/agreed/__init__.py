"""What was agreed, for people and systems to read: contracts, consents, the live register of a gemeente, orders."""
