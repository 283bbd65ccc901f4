"""How fast the oracle, the proxies, a search and a distillation are."""
