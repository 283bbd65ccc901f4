"""A user's own function as the oracle."""
