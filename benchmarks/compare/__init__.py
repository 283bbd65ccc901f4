"""How methods, protocols and networks compare."""
