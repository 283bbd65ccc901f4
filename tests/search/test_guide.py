"""A guide says of choices what a proxy makes of them in the place of one set's."""

from dataclasses import replace

import numpy as np
import pytest

from reproduce import Dataset, essay, protocols
from search.guide import Guide
from search.kernel import trained_proxy
from search.methods import Finished
from search.pool import Pool
from search.posterior import Model


@pytest.fixture(scope="module")
def guide(digits: Dataset) -> Guide:
    """Of two images a class, out of twenty."""
    whole = Pool.typical(digits.train)
    pool = Pool(digits.train, tuple(np.sort(members[:20]) for members in whole.members))
    images = np.sort(np.concatenate(pool.members))
    centre = pool.canonical(np.concatenate([members[4:6] for members in whole.members]))
    candidate = essay.real_candidate(digits, centre, name="centre", method="test")
    rest = digits.train.take(np.setdiff1d(np.arange(len(digits.train)), images))
    recipe = replace(protocols.conv(candidate), epochs=20)
    proxy = trained_proxy(recipe, candidate, digits.train.take(images), rest, nets=1, seed=0)
    return Guide(proxy, pool, centre)


def test_points_are_what_the_proxy_gains(guide: Guide) -> None:
    centre = guide.images[guide.places]
    labels = guide.pool.train.labels[centre]
    own = tuple(centre[labels == 3].tolist())
    other = tuple(sorted([own[0], int(np.setdiff1d(guide.pool.members[3], own)[0])]))
    points = guide.points(3, [own, other])
    changed = np.concatenate([centre[labels != 3], other])
    there = guide.proxy.accuracy(np.searchsorted(guide.images, changed))
    assert points[0] == pytest.approx(0)
    assert points[1] == pytest.approx(there - guide.base, abs=0.01)


def test_swaps_are_the_best_of_all(guide: Guide) -> None:
    """The ones offered gain what `points` says, and no swap that was not offered gains more."""
    best = guide.swaps(7, 5)
    fresh = Guide(guide.proxy, guide.pool, guide.images[guide.places])
    said = fresh.points(7, best)
    assert said == pytest.approx(guide.points(7, best), abs=0.01)
    centre = guide.images[guide.places]
    own = centre[guide.pool.train.labels[centre] == 7]
    free = np.setdiff1d(guide.pool.members[7], own)
    every = [tuple(sorted([int(kept), int(image)])) for kept in own for image in free]
    assert sorted(said)[::-1] == pytest.approx(sorted(fresh.points(7, every))[::-1][:5], abs=0.01)


def test_images_that_the_proxy_does_not_know_say_nothing(guide: Guide) -> None:
    stranger = int(np.setdiff1d(Pool.typical(guide.pool.train).members[0], guide.images)[0])
    assert guide.points(0, [(stranger, stranger + 1)])[0] == 0


@pytest.mark.parametrize("truthful", [True, False])
def test_scores_decide_how_far_a_guide_is_believed(guide: Guide, truthful: bool) -> None:
    """Choices that no set had are believed as the guide says, if scores bore it out elsewhere."""
    rng, pool = np.random.default_rng(0), guide.pool
    history = []
    for number in range(240):
        chosen = [tuple(sorted(rng.choice(m, 2, replace=False).tolist())) for m in pool.members]
        said = [guide.points(label, [choice])[0] for label, choice in enumerate(chosen)]
        worth = np.array(said if truthful else rng.permutation(said))
        errors = tuple((5 - 0.5 * worth + rng.normal(0, 0.3, 10)).tolist())
        indices = tuple(pool.canonical(np.concatenate(chosen)).tolist())
        history.append(Finished(number, indices, 80.0, number // 32, errors))
    agreement = []
    for label, part in enumerate(Model(pool, history, guide).parts):
        pairs = [
            tuple(sorted(rng.choice(pool.members[label], 2, replace=False))) for _ in range(60)
        ]
        new = sorted({tuple(map(int, pair)) for pair in pairs} - set(part.choices))
        drawn = part.draws(new, 200, rng).mean(0)
        agreement.append(np.corrcoef(drawn, guide.points(label, new))[0, 1])
        assert (part.mean[len(part.choices)] > 0.3) == truthful
    assert (np.mean(agreement) > 0.8) == truthful
