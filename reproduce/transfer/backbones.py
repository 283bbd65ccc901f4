"""Transfer: features of images from networks trained on something else, kept on disk.

The essay's way (ResNet-18 on ImageNet): images enlarged to 224, grey copied to three channels,
ImageNet's normalisation, features after the average pool, the network frozen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reproduce.errors import UserError
from reproduce.support import array_cache, tensor_file
from reproduce.support.constants import OnRecord
from reproduce.support.files import read_input
from reproduce.support.progress import Progress, silent
from reproduce.support.threads import cores, torch_threads

SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
BATCH = 32
NOTE = "features of images"
CACHE = Path("runs/features")
PREPROCESSING = f"bilinear {SIDE}, grey to three channels, ImageNet mean and sd"
ON_RECORD = OnRecord(
    __name__, {"SIDE": 224, "MEAN": (0.485, 0.456, 0.406), "STD": (0.229, 0.224, 0.225)}
)


@dataclass(frozen=True)
class Backbone:
    """A torchvision classifier, cut off after `layer`.

    Attributes
    ----------
    name : str
        Any of torchvision's classifiers, as `torchvision.models.list_models` names them.
    layer : str
        Node whose output is taken, as `get_graph_node_names` names them; a block stands for its
        last operation. Maps are averaged to `grid` x `grid` cells and flattened.
    weights : str
        File of a state dict; it may lack what comes after `layer`. Empty: torchvision's download.
    checksum : str
        Of that file.
    grid : int
        At least 1; 1 is the essay's average over the whole map.
    """

    name: str
    layer: str
    weights: str = ""
    checksum: str = "torchvision default"
    grid: int = 1

    @classmethod
    def load(
        cls, name: str, layer: str = "", weights: Path | None = None, grid: int = 1
    ) -> Backbone:
        """Check name, layer and weights, and fill in the default layer: what the classifier sees.

        Raises
        ------
        UserError
            For an unknown name or layer, and for weights that are damaged, of another network, or
            lack the asked layer.
        """
        model = _architecture(name)
        layer = layer or ("avgpool" if hasattr(model, "avgpool") else "features")
        checksum = "torchvision default"
        if weights is not None:
            checksum = hashlib.sha256(read_input(weights)).hexdigest()[:16]
        backbone = cls(name, layer, str(weights or ""), checksum, grid)
        extractor((backbone,))
        return backbone

    @property
    def title(self) -> str:
        """Its part of a protocol's name."""
        grid = f"-{self.grid}x{self.grid}" if self.grid > 1 else ""
        return f"transfer-{self.name}-{self.layer}{grid}"

    def key(self) -> str:
        """What identifies the features."""
        made = f"({PREPROCESSING}){ON_RECORD.changes()}"
        return f"{self.name} {self.layer} {self.grid} {self.checksum} {made}"

    def __call__(self, images: np.ndarray, progress: Progress = silent) -> np.ndarray:
        """Features (n, F), float32, of images (n, 1, H, W); from the cache where they are."""
        return features([self], images, progress=progress)[0]

    def forward(self, images: Tensor) -> Tensor:
        """Features (n, F) of images (n, 1, H, W) with their graph; nothing is kept on disk."""
        maps = extractor((self,))(prepared(images))[self.layer]
        return _pooled(maps, self.grid)


def features(
    backbones: Sequence[Backbone],
    images: np.ndarray,
    folder: Path = CACHE,
    progress: Progress = silent,
) -> list[np.ndarray]:
    """Features of the same images from several layers of one network, in one pass.

    Parameters
    ----------
    backbones : sequence of Backbone
        Of one network and one file of weights.
    images : ndarray of shape (n, 1, H, W)
    folder : Path
        Cache; each array is a file named by network, layer, weights, preprocessing and images.
    progress : callable
        Called with (images done, images in all, "features of images").
    """
    paths = [array_cache.place(folder, backbone.key(), images) for backbone in backbones]
    return array_cache.stored(
        paths, lambda missing: _compute([backbones[i] for i in missing], images, progress)
    )


@torch.no_grad()
def _compute(
    backbones: Sequence[Backbone], images: np.ndarray, progress: Progress
) -> list[np.ndarray]:
    network = extractor(tuple(backbones))
    parts: list[list[np.ndarray]] = [[] for _ in backbones]
    with torch_threads(cores()):  # large maps: one network, all cores
        for start in range(0, len(images), BATCH):
            answers = network(prepared(torch.tensor(images[start : start + BATCH])))
            for part, backbone in zip(parts, backbones, strict=True):
                part.append(_pooled(answers[backbone.layer], backbone.grid).numpy())
            progress(min(start + BATCH, len(images)), len(images), NOTE)
    return [np.concatenate(part) for part in parts]


def prepared(images: Tensor) -> Tensor:
    """Images (n, 1, H, W) in pixel space as ImageNet's networks expect them."""
    large = F.interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    mean, std = (torch.tensor(values).to(large)[:, None, None] for values in (MEAN, STD))
    return (large.expand(-1, 3, -1, -1) - mean) / std


def _pooled(maps: Tensor, grid: int) -> Tensor:
    if maps.dim() == 4:
        maps = F.adaptive_avg_pool2d(maps, grid)
    return maps.flatten(1)


@cache
def extractor(backbones: tuple[Backbone, ...]) -> nn.Module:
    """Return the frozen network up to the last of the layers, which answers with each layer."""
    name, weights = backbones[0].name, backbones[0].weights
    layers = sorted({backbone.layer for backbone in backbones})
    cut = _cut(name, layers)
    state = _state(Path(weights)) if weights else _download(name)
    wanted = cut.state_dict()
    lacking = [key for key in wanted if key not in state and "num_batches" not in key]
    if lacking:
        raise UserError(
            f"{weights or name}: the weights lack {lacking[0]} and {len(lacking) - 1} more that "
            f"layer {layers[-1]} of {name} needs; name an earlier --layer or other --weights"
        )
    try:
        cut.load_state_dict({key: state[key] for key in wanted if key in state}, strict=False)
    except RuntimeError:
        raise UserError(f"{weights}: weights of another network than {name}") from None
    return cut.requires_grad_(False)


def _cut(name: str, layers: list[str]) -> nn.Module:
    """Return the network without weights, up to the last of the layers."""
    # Torchvision takes seconds to import, and most commands do not need it.
    from torchvision.models import feature_extraction

    model = _architecture(name).eval()
    try:
        cut: nn.Module = feature_extraction.create_feature_extractor(model, layers)
    except ValueError:
        names = feature_extraction.get_graph_node_names(model)[1]
        nodes = ", ".join(node for node in names if "." not in node)
        raise UserError(
            f"{name} has no layer among {', '.join(layers)}; use one of {nodes} or a block in them"
        ) from None
    return cut


def names() -> list[str]:
    """All of torchvision's classifiers."""
    import torchvision.models

    found: list[str] = torchvision.models.list_models(module=torchvision.models)
    return found


def layers(name: str) -> list[str]:
    """The layers of a backbone from first to last: its parts, and their parts; and its operations.

    Raises
    ------
    UserError
        For an unknown backbone.
    """
    from torchvision.models import feature_extraction

    nodes = feature_extraction.get_graph_node_names(_architecture(name).eval())[1]
    found: dict[str, None] = {}
    for node in nodes[1:]:  # after the input
        parts = node.split(".")
        found |= dict.fromkeys(".".join(parts[:depth]) for depth in (2, 1) if len(parts) >= depth)
    return list(found)


def _architecture(name: str) -> nn.Module:
    import torchvision.models

    if name not in names():
        raise UserError(f"unknown backbone {name!r}, use one of {', '.join(names())}")
    model: nn.Module = torchvision.models.get_model(name, weights=None).float()
    return model


def _state(path: Path) -> dict[str, Tensor]:
    state = tensor_file.read(path, "weights")
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError(f"{path}: not a state dict; save the network's state_dict() there")
    return dict(state)


def _download(name: str) -> dict[str, Tensor]:
    import torchvision.models

    try:
        chosen = torchvision.models.get_model_weights(name).DEFAULT
        state: dict[str, Tensor] = chosen.get_state_dict(progress=False)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"cannot download weights of {name} ({type(error).__name__}); name a file with "
            "--weights"
        ) from None
    return state
