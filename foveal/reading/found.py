"""What is found on a page: lines, regions, and how the page is turned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from foveal.document import Polygon
from foveal.geometry import Points, Transform


@dataclass(frozen=True)
class FoundLine:
    """One line: upper and lower edge "k 2" in reading direction, k ≥ 2, in page pixels.

    `height` in page pixels; `sure` is the mean core probability, 0 to 1; `kind` is one of KINDS; `foreign`:
    outlines of the words on it that turned out to be of another script.
    """

    upper: Points
    lower: Points
    height: float
    sure: float
    kind: str = "text"
    foreign: tuple[Polygon, ...] = ()

    @property
    def polygon(self) -> Points:
        """The outline "2k 2", clockwise from the upper start."""
        return np.concatenate([self.upper, self.lower[::-1]])

    @property
    def angle(self) -> float:
        """Direction the line is read in, degrees clockwise from the right."""
        along = self.upper[-1] + self.lower[-1] - self.upper[0] - self.lower[0]
        return float(np.degrees(np.arctan2(along[1], along[0])))

    @property
    def length(self) -> float:
        """Length of the upper edge's chord, in page pixels."""
        return float(np.linalg.norm(self.upper[-1] - self.upper[0]))

    def back(self, way: Transform) -> FoundLine:
        """Return the line where it was before the page went that way."""
        return replace(self, upper=way.back(self.upper), lower=way.back(self.lower))

    def turned_over(self) -> FoundLine:
        """Return the line as it is read upside down."""
        return replace(self, upper=self.lower[::-1], lower=self.upper[::-1])


@dataclass(frozen=True)
class Region:
    """An area of one kind ("table" or "figure"), in page pixels."""

    polygon: Points
    kind: str


@dataclass(frozen=True)
class Found:
    """What is on a page: lines in no order, regions, and how the page is turned.

    `rotation`: 0, 90, 180 or 270, clockwise degrees by which the text lies on the page; `skew`: the rest, in
    degrees clockwise. `afar`: large lines seen from afar; where one lies on `lines`, what reads better is
    right.
    """

    lines: list[FoundLine] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    rotation: int = 0
    skew: float = 0.0
    afar: list[FoundLine] = field(default_factory=list)

    def upright(self, width: float, height: float) -> Transform:
        """Return the way from a page of width × height pixels to where its text runs to the right."""
        back = Transform.quarter_turns(-self.rotation // 90, width, height)
        return back.then(Transform.turn(-self.skew))

    def turned_over(self) -> Found:
        """Return the page as it is read upside down."""
        over = [[line.turned_over() for line in lines] for lines in (self.lines, self.afar)]
        return replace(self, lines=over[0], afar=over[1], rotation=(self.rotation + 180) % 360)


def shared(one: FoundLine, other: FoundLine) -> float:
    """Return the area two lines share over that of the smaller."""
    a, b = (cv2.convexHull(line.polygon.astype(np.float32)) for line in (one, other))
    least = min(cv2.contourArea(a), cv2.contourArea(b))
    return float(cv2.intersectConvexConvex(a, b)[0]) / max(float(least), 1e-6)
