"""The essay's draws, experiments, problems and published numbers."""
