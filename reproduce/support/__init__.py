"""Files, text, fields and processes: what knows nothing of learning."""
