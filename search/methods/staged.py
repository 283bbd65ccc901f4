"""A proxy explores, the oracle at low fidelity sifts, and the full oracle decides.

Every round starts from the best set so far. Networks are trained on that set, and ridge regression
on their features scores many thousands of sets that differ by swaps. Networks are then trained on
the best of these, and so on for a few turns. The oracle scores the most promising sets at a
fraction of its epochs, in two heats, and the best of them are proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.essay import draws
from reproduce.recipe import Recipe
from reproduce.scoring.fidelity import Fidelity
from reproduce.summary import by_candidate, summarise
from search.methods import nearest_mean, swap
from search.methods.base import Method, View
from search.proxy.kernel import trained_proxy
from search.proxy.swaps import Climb, Proxy
from search.seeds import searching

Found = dict[tuple[int, ...], float]  # sets of pool images with their proxy scores


@dataclass(frozen=True)
class Stages:
    """How much each stage does in a round.

    Attributes
    ----------
    typical, others : int
        Images per class that the proxy may choose from: the most typical ones of the pool, and
        others at random, new ones each time.
    scoring : int
        Number of training images that the proxy scores on.
    nets : int
        Networks trained on the best set.
    turns : int
        Proxies in a round. Each is trained on the best set of the one before.
    climbs : int
        Local searches under each proxy, each from its set after a few random swaps.
    sifted : int
        Sets that the oracle scores at low fidelity, for each set proposed.
    share : float
        Fraction of the protocol's epochs for which low fidelity trains.
    heats : tuple of int
        Replicates in each heat. A third of the sets enters the next heat.
    """

    typical: int = 100
    others: int = 100
    scoring: int = 3000
    nets: int = 6
    turns: int = 3
    climbs: int = 20
    sifted: int = 6
    share: float = 0.1
    heats: tuple[int, ...] = (2, 3)


STAGES = Stages()


def staged(view: View, count: int) -> list[np.ndarray]:
    """A round: explore from the best set under a proxy trained on it, then sift."""
    rng = np.random.default_rng([view.seed, view.start])
    best = view.best()
    start = np.array(best.indices) if best else nearest_mean.METHOD.propose(view, 1)[0]
    promising: list[np.ndarray] = []
    for turn in range(STAGES.turns):
        images = np.union1d(shortlist(view, rng), start)
        proxy = proxy_for(view, start, images, rng)
        found = explore(proxy, np.searchsorted(images, start), STAGES.climbs, rng, view.unbalanced)
        sets = [view.pool.canonical(images[list(chosen)]) for chosen in found]
        fresh = [s for s in sets if tuple(s.tolist()) not in view.taken]
        wanted = STAGES.sifted * count * (turn + 1) // STAGES.turns
        promising = apart(fresh, start, wanted, promising)
        start = sets[0] if sets else start
    sets = sift(view, promising, count)
    missing = count - len(sets)  # where exploring found too few
    return sets + (swap.METHOD.propose(view, missing) if missing else [])


def shortlist(view: View, rng: np.random.Generator) -> np.ndarray:
    """The images of this round: at most half of each class, because the others score the sets."""
    labels = view.pool.train.labels
    chosen = []
    for label, members in enumerate(view.pool.members):
        half = int((labels == label).sum()) // 2
        typical = min(STAGES.typical, half)
        rest = members[typical:]
        drawn = rng.choice(rest, min(STAGES.others, half - typical, len(rest)), replace=False)
        chosen += [members[:typical], drawn]
    return np.concatenate(chosen)


def proxy_for(view: View, start: np.ndarray, images: np.ndarray, rng: np.random.Generator) -> Proxy:
    """Ridge regression on features of networks trained on the set at `start`.

    It scores on training images that are not among `images`.
    """
    train = view.pool.train
    rest = np.setdiff1d(np.arange(len(train)), images)
    scoring = rng.choice(rest, min(STAGES.scoring, len(rest)), replace=False)
    candidate = candidate_of(view, start)
    # For protocols that train no network, the proxy trains the essay's.
    recipe = recipe_of(view, candidate) or protocols.conv(candidate)
    seed = int(rng.integers(2**31))
    return trained_proxy(
        recipe, candidate, train.take(images), train.take(scoring), STAGES.nets, seed
    )


def explore(
    proxy: Proxy,
    start: np.ndarray,
    climbs: int,
    rng: np.random.Generator,
    unbalanced: bool = False,
) -> list:
    """Sets that local searches from `start` pass through, best by the proxy first.

    Where `unbalanced`, an image is swapped for one of any class, some of which are tried.
    """
    classes = range(len(proxy.bounds) - 1)
    members = [np.flatnonzero(unbalanced | (proxy.classes == label)) for label in classes]
    most = STAGES.typical + STAGES.others if unbalanced else None
    climb = Climb(proxy, members, rng)
    found: Found = {}
    for number in range(climbs):
        chosen = start.copy()
        for slot in rng.choice(len(start), min(len(start), number % 8), replace=False):
            free = np.setdiff1d(members[proxy.classes[chosen[slot]]], chosen)
            chosen[slot] = rng.choice(free) if len(free) else chosen[slot]
        for score, better in climb(chosen, most):
            found[tuple(sorted(better.tolist()))] = score
    return sorted(found, key=lambda key: (-found[key], key))


def apart(
    ranking: Sequence[np.ndarray],
    start: np.ndarray,
    most: int,
    others: Sequence[np.ndarray] = (),
) -> list[np.ndarray]:
    """`others` and the first sets of a ranking, `most` in all, that differ in at least two images.

    Half of the added sets differ from `start` in at most three images, where the proxy is most
    accurate.
    """
    near = [s for s in ranking if len(np.setdiff1d(s, start)) <= 3]
    kept = list(others)
    for part, enough in ((near, (len(others) + most) // 2), (ranking, most)):
        for candidate in part:
            if len(kept) >= enough:
                break
            if all(len(np.setdiff1d(candidate, other)) >= 2 for other in kept):
                kept.append(candidate)
    return kept


def sift(view: View, sets: list[np.ndarray], count: int) -> list[np.ndarray]:
    """The best `count` sets under the oracle at low fidelity, after heats on ever more seeds."""
    own = searching(max(STAGES.heats), view.start)  # seeds of this round
    for heat, seeds in enumerate(STAGES.heats):
        if len(sets) <= count:
            break
        candidates = [candidate_of(view, indices) for indices in sets]
        records = view.oracle.score_many(
            candidates, view.protocol, own[:seeds], view.split, fidelity=low(view)
        )
        scored = by_candidate(records)
        means = [summarise(scored[candidate.hash]).mean for candidate in candidates]
        last = heat == len(STAGES.heats) - 1
        kept = count if last else max(count, len(sets) // 3)
        sets = [sets[i] for i in np.argsort(means, kind="stable")[::-1][:kept]]
    return sets


def low(view: View) -> Fidelity:
    """The oracle's low fidelity: a share of the protocol's epochs, or as few as the search has."""
    some = nearest_mean.METHOD.propose(view, 1)[0]  # a protocol's epochs depend on the set's size
    recipe = recipe_of(view, candidate_of(view, some))
    if recipe is None:
        return view.fidelity
    share = max(1, round(STAGES.share * recipe.epochs))
    return replace(view.fidelity, epochs=min(share, view.fidelity.epochs or share))


def recipe_of(view: View, candidate: Candidate) -> Recipe | None:
    """How the study's protocol trains a network; None where it trains none."""
    if view.protocol.partition("+")[0] not in protocols.PROTOCOLS:
        return None
    return protocols.recipe(view.protocol, candidate)


def candidate_of(view: View, indices: np.ndarray) -> Candidate:
    """The set as a candidate."""
    return draws.real_candidate(view.oracle.data, indices, name="proposal", method="staged")


METHOD = Method(staged)
