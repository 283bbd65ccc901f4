"""How good a set is for a learner: what the methods minimise."""
