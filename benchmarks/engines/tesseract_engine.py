"""Tesseract 5 as an engine process, through tesserocr: `python tesseract_engine.py best|default TESSDATA`.

best: words with --psm 8, lines with 7, pages with 3, in the language asked for; a language whose data is
missing is read as English. default: as it comes, everything with --psm 3 and as English.
"""

import sys

import tesserocr
from PIL import Image
from worker import serve

setting, tessdata = sys.argv[1:]
modes = {"word": tesserocr.PSM.SINGLE_WORD, "line": tesserocr.PSM.SINGLE_LINE, "page": tesserocr.PSM.AUTO}
languages = tesserocr.get_languages(tessdata)[1]
engines = {}


def opened(image, task, language):
    key = language if setting == "best" and language in languages else "eng"
    if key not in engines:
        engines[key] = tesserocr.PyTessBaseAPI(path=tessdata, lang=key)
    api = engines[key]
    api.SetPageSegMode(modes[task if setting == "best" else "page"])
    with Image.open(image) as picture:
        api.SetImage(picture.convert("RGB"))
    return api


def read(image, task, language):
    return opened(image, task, language).GetUTF8Text().strip()


def locate(image, task, language):
    api = opened(image, task, language)
    if not api.GetUTF8Text().strip():
        return []
    symbol = tesserocr.RIL.SYMBOL
    found = []
    for place in tesserocr.iterate_level(api.GetIterator(), symbol):
        left, top, right, bottom = place.BoundingBox(symbol)
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        found.append([place.GetUTF8Text(symbol), corners])
    return found


serve(read, locate)
