"""Everything a Document can be written as: one class a format, by the name a user types."""

from foveal.formats.alto import Alto
from foveal.formats.base import Boxes, Format
from foveal.formats.hocr import Hocr
from foveal.formats.json import Json
from foveal.formats.markdown import Markdown
from foveal.formats.page_xml import PageXml
from foveal.formats.text import Text
from foveal.formats.tsv import Tsv

__all__ = ["FORMATS", "Boxes", "Format"]

FORMATS: dict[str, Format] = {
    "text": Text(),
    "json": Json(),
    "markdown": Markdown(),
    "hocr": Hocr(),
    "alto": Alto(),
    "page-xml": PageXml(),
    "tsv": Tsv(),
}
