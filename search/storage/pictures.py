"""Pictures of sets, and their place beside a trial in optuna-dashboard."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import matplotlib.image
import numpy as np
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.trial import Trial

ZOOM = 3


def grid(images: np.ndarray, columns: int) -> bytes:
    """Images (n, 1, H, W) in 0..1 in rows, ink dark, as PNG."""
    count, _, height, width = images.shape
    rows = -(-count // columns)
    paper = np.zeros((rows * columns, height, width))
    paper[:count] = images[:, 0]
    sheet = paper.reshape(rows, columns, height, width).swapaxes(1, 2)
    sheet = 1 - sheet.reshape(rows * height, columns * width).repeat(ZOOM, 0).repeat(ZOOM, 1)
    buffer = io.BytesIO()
    matplotlib.image.imsave(buffer, sheet, cmap="gray", vmin=0, vmax=1, format="png")
    return buffer.getvalue()


def attach(trial: Trial, folder: Path, picture: bytes) -> None:
    """Show a picture beside a running trial: optuna-dashboard finds it in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "set.png"
        path.write_bytes(picture)
        upload_artifact(
            artifact_store=FileSystemArtifactStore(folder),
            file_path=str(path),
            study_or_trial=trial,
        )
