"""What the oracle's workers do."""
