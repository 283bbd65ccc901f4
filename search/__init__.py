"""Search: real subsets that train far better than random ones."""

from search.function import FunctionOracle
from search.luck import choose, duel, rescore, spread
from search.methods import METHODS
from search.pool import Pool
from search.storage import open_study
from search.study import SearchConfig, State, finished, ranked, search, winner

__all__ = [
    "METHODS",
    "FunctionOracle",
    "Pool",
    "SearchConfig",
    "State",
    "choose",
    "duel",
    "finished",
    "open_study",
    "ranked",
    "rescore",
    "search",
    "spread",
    "winner",
]
