"""Training a stack of networks."""
