"""The essay's network, compiled."""
