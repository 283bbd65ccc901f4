"""Search: real subsets that train far better than random ones."""

from search.config import SearchConfig
from search.function import FunctionOracle
from search.luck import choose, duel, rescore, spread
from search.methods import METHODS
from search.pool import Pool
from search.storage import open_study
from search.study import search, winner
from search.trials import finished, ranked
from search.worker import State

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
