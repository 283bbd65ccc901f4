"""When a run validates, and by how many networks."""

from hypothesis import given
from hypothesis import strategies as st

from distill import validation
from reproduce import Candidate, Dataset, protocols
from reproduce.essay import draws


@given(checks=st.integers(1, 300), updates=st.integers(1, 2000))
def test_a_run_validates_as_often_as_it_is_asked_to(checks: int, updates: int) -> None:
    """Evenly, once at the end, and not more often than it has updates."""
    last, when = 0.0, []
    for update in range(1, updates + 1):
        if validation.is_due(update / updates, last, checks):
            last = update / updates
            when.append(last)
    assert len(when) == min(checks, updates)
    assert when[-1] == 1
    even = [(number + 1) / checks for number in range(checks)]
    if updates >= checks:
        pairs = zip(when, even, strict=True)
        assert all(-1e-9 <= at - wanted <= 1 / updates for at, wanted in pairs)


def test_the_essay_net_is_validated_by_more_networks(digits: Dataset) -> None:
    """It is quick to train; estimators without randomness are asked once."""
    ten: Candidate = draws.rmnist(digits, 1, "table")
    counts = {
        name: len(validation._seeds(protocols.learner(name, ten)))
        for name in ("conv", "conv-shift1", "convnet", "knn")
    }
    assert counts == {"conv": 10, "conv-shift1": 2, "convnet": 2, "knn": 1}
