"""The essay's protocols: its baselines and its conv net (Nielsen, "Reduced MNIST", 2017)."""

from __future__ import annotations

from dataclasses import replace

from reproduce.candidate import Candidate
from reproduce.protocols.names import protocol
from reproduce.recipe import Recipe
from reproduce.scoring.classifier import Classifier
from reproduce.scoring.learners import Learner


@protocol("svm-rbf")
def svm_rbf(candidate: Candidate) -> Learner:
    """Support vector machine, radial basis functions."""
    from sklearn.svm import SVC

    return Classifier(lambda seed: SVC(C=1000, gamma="auto"))


@protocol("svm-linear")
def svm_linear(candidate: Candidate) -> Learner:
    """Support vector machine, linear."""
    from sklearn.svm import SVC

    return Classifier(lambda seed: SVC(kernel="linear", C=0.1))


@protocol("knn")
def knn(candidate: Candidate) -> Learner:
    """Nearest neighbour."""
    from sklearn.neighbors import KNeighborsClassifier

    return Classifier(lambda seed: KNeighborsClassifier(1))


@protocol("tree")
def tree(candidate: Candidate) -> Learner:
    """Decision tree."""
    from sklearn.tree import DecisionTreeClassifier

    return Classifier(lambda seed: DecisionTreeClassifier(random_state=seed))


@protocol("forest")
def forest(candidate: Candidate) -> Learner:
    """Random forest of 500 trees."""
    from sklearn.ensemble import RandomForestClassifier

    settings = {"max_depth": 10, "n_estimators": 500, "max_features": 1}
    return Classifier(lambda seed: RandomForestClassifier(**settings, random_state=seed))


@protocol("mlp")
def mlp(candidate: Candidate) -> Learner:
    """Network with hidden layers of 500 and 100."""
    from sklearn.neural_network import MLPClassifier

    settings = {"alpha": 1, "hidden_layer_sizes": (500, 100)}
    return Classifier(lambda seed: MLPClassifier(**settings, random_state=seed))


@protocol("conv")
def conv(candidate: Candidate) -> Recipe:
    """The essay's conv net with dropout, for 500, 400, 200 and, on full MNIST, 100 epochs.

    The epochs go by the number of images. Between the sizes of the essay they are those of the next
    smaller size; above 1,000 images they are those of full MNIST.
    """
    if len(candidate) > 1000:
        return Recipe(model="conv", epochs=100, batch=10, lr=0.01, schedule="essay")
    per_class = len(candidate) / candidate.classes
    epochs = 500 if per_class < 5 else 400 if per_class < 10 else 200
    return Recipe(model="conv", epochs=epochs, batch=10, lr=0.1, schedule="essay")


@protocol("conv-shift1")
def conv_shift1(candidate: Candidate) -> Recipe:
    """`conv` on all shifts by up to 1 pixel, 9 copies."""
    return replace(conv(candidate), shifts=1)


@protocol("conv-shift2")
def conv_shift2(candidate: Candidate) -> Recipe:
    """`conv` on all shifts by up to 2 pixels, 25 copies."""
    return replace(conv(candidate), shifts=2)
