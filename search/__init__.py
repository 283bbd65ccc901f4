"""Search: real subsets that train far better than random ones."""

from search.pool import Pool
from search.proposers import PROPOSERS
from search.study import SearchConfig, search, winner

__all__ = ["PROPOSERS", "Pool", "SearchConfig", "search", "winner"]
