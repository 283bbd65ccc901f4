"""Where a study lives."""
