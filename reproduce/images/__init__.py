"""What is done to images: pure functions of arrays."""
