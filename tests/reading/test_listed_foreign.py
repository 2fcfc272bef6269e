"""Words of other scripts are listed, and those beside them written."""

from pathlib import Path

import matplotlib
import pytest
from PIL import Image, ImageDraw, ImageFont

import foveal
from foveal.alphabet import FOREIGN
from foveal.geometry import bounds, points
from foveal.reading.foreign import is_foreign, parted
from foveal.reading.readings import ReadChar, Reading, ReadWord

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
LINES = (
    "Приложение к договору подряда",
    "The contract is written in two languages",
    "Η επιστροφή των ποσών γίνεται σύντομα",
    "Цена 1250 рублей за единицу",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    image = Image.new("RGB", (1000, 440), "white")
    for number, line in enumerate(LINES):
        font = ImageFont.truetype(str(FONTS / "DejaVuSerif.ttf"), 36)
        ImageDraw.Draw(image).text((60, 40 + 90 * number), line, font=font, fill="black")
    path = tmp_path_factory.mktemp("foreign") / "page.png"
    image.save(path)
    return path


@pytest.mark.parametrize("model", ["fast", "accurate"])
@pytest.mark.parametrize("looks", [False, True])
def test_foreign_words_are_listed_and_the_others_written(page, model, looks):
    (read,) = foveal.read(page, model=model, looks=looks).pages
    assert [line.text for line in read.lines] == [LINES[1], "1250"]
    for number in (0, 2, 3):
        middles = [points(place)[:, 1].mean() for place in read.unread]
        assert any(abs(middle - (62 + 90 * number)) < 25 for middle in middles), number
    price = [place for place in read.unread if abs(points(place)[:, 1].mean() - 332) < 25]
    assert len(price) == 4  # the number stands between them
    assert max(bounds(points(place))[2] - bounds(points(place))[0] for place in price) < 250


def test_a_line_by_itself_says_where_they_stand(page):
    strip = Image.open(page).crop((40, 30, 960, 90))
    (line,) = foveal.Reader("fast").transcribe([strip])
    assert line.text.count(FOREIGN) > 20


def test_of_a_word_half_of_the_letters_decide():
    assert is_foreign(FOREIGN * 2 + "ab,")
    assert not is_foreign(FOREIGN + "ab.")
    assert not is_foreign("12,50")
    assert not is_foreign("")


def test_a_reading_is_parted():
    words = tuple(
        ReadWord(tuple(ReadChar(char, 4.0 * n, 4.0 * n + 4, 0.9, (), None) for n, char in enumerate(text)))
        for text in ("no", FOREIGN * 3, "14")
    )
    written, foreign = parted(Reading(words, 4.0))
    assert written.text == "no 14"
    assert [word.text for word in foreign] == [FOREIGN * 3]
    same, none = parted(written)
    assert same is written
    assert none == ()
