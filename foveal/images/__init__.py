"""Everything that can be opened, one page at a time and within limits.

A page image is RGB uint8 "h w 3" as a viewer shows it: turned as EXIF says, transparency over white. All
polygons of a reading are in pixels of that image.
"""

from foveal.images.opening import Source, pages
from foveal.images.page import Limits, PageImage, Selection
from foveal.images.sources import SUFFIXES, expand, name_of

__all__ = ["SUFFIXES", "Limits", "PageImage", "Selection", "Source", "expand", "name_of", "pages"]
