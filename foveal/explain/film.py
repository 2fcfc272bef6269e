"""A trajectory as a film (MP4), for slides and players that show no GIF."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.errors import OutputFailed
from foveal.explain.scanpath import frames
from foveal.explain.trajectory import Trajectory

Image = NDArray[np.uint8]

RATE = 20
"""Frames a second; a look stands for as many as its dwell says."""


def can_film() -> bool:
    """Tell whether OpenCV can write films here: with FFmpeg, as the wheels of PyPI can."""
    return cv2.CAP_FFMPEG in cv2.videoio_registry.getWriterBackends()


def film(page: Image, path: Trajectory) -> bytes:
    """Return an MP4 (MPEG-4 part 2, no sound) of the looks of a line "h w 3", one after the other.

    It shows what the GIF shows, once. Raises OutputFailed where OpenCV cannot write it; see `can_film`.
    """
    shown, times = frames(page, path)
    height, width = (side + side % 2 for side in shown[0].shape[:2])  # the codec wants even sides
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "path.mp4"
        writer = cv2.VideoWriter(
            str(file), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), RATE, (width, height)
        )
        if not writer.isOpened():
            raise OutputFailed("OpenCV cannot write MP4 here", remedy="install opencv-python-headless")
        for image, milliseconds in zip(shown, times, strict=True):
            lower, right = height - image.shape[0], width - image.shape[1]
            even = np.pad(image, ((0, lower), (0, right), (0, 0)), constant_values=255)
            for _ in range(max(round(milliseconds * RATE / 1000), 1)):
                writer.write(np.ascontiguousarray(even[..., ::-1]))
        writer.release()
        return file.read_bytes()
