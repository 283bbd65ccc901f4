"""Search: real subsets that train far better than random ones."""

from typing import TYPE_CHECKING

from reproduce.support.exports import exports

if TYPE_CHECKING:
    from reproduce.duel import duel
    from search.config import SearchConfig
    from search.finalists import choose, rescore, spread
    from search.methods import METHODS
    from search.own.function import FunctionOracle
    from search.pool import Pool
    from search.storage.storage import open_study
    from search.study import State, search, winner
    from search.trials import finished, ranked

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

__getattr__, __dir__ = exports(
    __name__,
    {
        "FunctionOracle": ".own.function",
        "METHODS": ".methods",
        "Pool": ".pool",
        "SearchConfig": ".config",
        "State": ".study",
        "choose": ".finalists",
        "duel": "reproduce.duel",
        "finished": ".trials",
        "open_study": ".storage.storage",
        "ranked": ".trials",
        "rescore": ".finalists",
        "search": ".study",
        "spread": ".finalists",
        "winner": ".study",
    },
)
