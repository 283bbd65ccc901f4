"""What is measured of a candidate."""
