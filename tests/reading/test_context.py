"""What usually follows what: it decides doubts of lines, is on record, and leaves alone what is sure."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import foveal
from foveal.alphabet import Alphabet
from foveal.measure.text import cer
from foveal.reading.beam import Beam
from foveal.reading.context import CONTEXT, Context, embedded_languages, figures
from foveal.reading.language import Language, Mixture
from foveal.reading.readings import ReadChar, Reading, ReadWord
from foveal.reading.transcribe import Transcriber, load_transcriber
from foveal.reading.words import Tongue, Words

ALPHABET = Alphabet()
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSerif.ttf"


def strip(text: str, *, blur: float = 0.0, height: int = 32) -> np.ndarray:
    """Return a line drawn with its text, blurred by so many pixels."""
    font = ImageFont.truetype(str(FONT), 24)
    image = Image.new("RGB", (int(font.getlength(text)) + 16, height), "white")
    ImageDraw.Draw(image).text((8, 1), text, font=font, fill="black")
    return np.asarray(image.filter(ImageFilter.GaussianBlur(blur)))


def knowing(*texts: str, share: float = 0.4) -> Context:
    """Return the context of a language that has only these texts."""
    ids = [ALPHABET.encode(text) for text in texts]
    language = Language.learn(ids * 20, classes=len(ALPHABET), order=6)
    return Context({"en": language}, beam=Beam(share=share))


def reads(context: Context | None) -> Transcriber:
    plain = load_transcriber("fast", context=False)
    return Transcriber(plain._glance, plain._fixate, words=Words(ALPHABET), context=context)


def doubtful(text: str, context: Context) -> tuple[np.ndarray, Reading]:
    """Return a line blurred as little as makes it wrong and doubtful, and how it is read without context."""
    for blur in np.arange(2.2, 3.4, 0.1).tolist():
        image = strip(text, blur=blur)
        (first,) = reads(None).read([image])
        if first.text != text and context.doubts(first):
            return image, first
    raise AssertionError("no blur makes the line doubtful")


def tongue(*words: str) -> Tongue:
    return Words(ALPHABET).heard([tuple(ALPHABET.encode(word)) for word in words])


def test_a_line_in_doubt_is_read_as_is_usual_and_says_what_stood_there() -> None:
    truth = "the little cat sat on a mat"
    context = knowing(truth, share=3.0)
    image, first = doubtful(truth, context)
    (read,) = reads(context).read([image], looks=True)
    assert cer([(read.text, truth)]) < cer([(first.text, truth)])
    changed = [word.remedy for word in read.words if word.remedy and word.remedy.kind == CONTEXT]
    assert changed
    assert all(remedy.before in first.text for remedy in changed)
    assert all(char.look is not None for word in read.words for char in word.chars)


def test_what_is_surely_seen_stands() -> None:
    image = strip("the little cut sat on a mut")
    (first,) = reads(None).read([image])
    context = knowing("the little cat sat on a mat", share=3.0)
    assert not context.doubts(first)
    assert reads(context).read([image])[0].text == first.text == "the little cut sat on a mut"


def test_figures_are_never_what_is_usual() -> None:
    context = knowing("paid on the 11 of July 1666", share=5.0)
    image, first = doubtful("paid on the 17 of June 1883", context)
    (read,) = reads(context).read([image])
    ids = [tuple(ALPHABET.encode(one.text)) for one in (first, read)]
    assert figures(ids[0]) == figures(ids[1])


def test_short_lines_and_lines_of_one_word_have_no_context() -> None:
    read = reads(None).read([strip("a cat", blur=3.4), strip("extraordinarily", blur=3.4)])
    context = knowing("the little cat")
    assert not any(context.doubts(one) for one in read)


def test_the_language_is_that_of_the_text() -> None:
    context = Context()
    ids = tuple(ALPHABET.encode("il a été nommé par le roi"))
    usual = context.of(tongue("nommé", "été", "par"), ids)
    assert usual is not None
    assert max(usual.parts, key=lambda part: part[1])[0] is embedded_languages()["fr"]
    assert sum(share for _, share in usual.parts) == pytest.approx(1)
    polish = tongue("został", "przez", "króla", "który", "jest", "się")
    assert context.of(polish, tuple(ALPHABET.encode("został przez króla"))) is None
    assert context.of(None, ids) is None


def test_own_texts_are_learnt_beside_those_of_the_language() -> None:
    own = tuple(ALPHABET.encode("Zzyx qwv bnmk"))
    plain, taught = (Context(own=texts).of(tongue("the"), own) for texts in ((), (own,)))
    assert plain is not None
    assert taught is not None
    assert taught.log_chances(own) > plain.log_chances(own) + 10


def test_long_s_and_s_are_alike_to_it() -> None:
    usual = Context().of(tongue("und", "der"), tuple(ALPHABET.encode("und das")))
    assert usual is not None
    old, new = (usual.log_chances(ALPHABET.encode(text)) for text in ("Waſſer", "Wasser"))
    assert old == pytest.approx(new)


def test_a_mixture_is_a_distribution() -> None:
    some = [Language.learn(texts, classes=5, order=3) for texts in ([[1, 2, 3]], [[3, 2, 1]] * 4)]
    mixture = Mixture([(some[0], 0.25), (some[1], 0.75)])
    for ids in ([], [1], [3, 2]):
        context = mixture.further(mixture.begin(), ids)
        chances = [np.exp(mixture.log_chance(context, symbol)) for symbol in range(5)]
        assert sum(chances) == pytest.approx(1, abs=1e-5)


def test_accurate_reads_in_context_and_fast_does_where_told() -> None:
    assert load_transcriber("accurate")._context is not None
    assert load_transcriber("accurate", context=False)._context is None
    assert load_transcriber("fast")._context is None
    truth = "il a été nommé ministre par le roi de France"
    image, _ = doubtful(truth, Context())
    readers = [foveal.Reader("fast", 1, context=context) for context in (False, True, None)]
    without, within, unless_told = [reader.transcribe([image])[0].text for reader in readers]
    assert cer([(within, truth)]) < cer([(without, truth)])
    assert unless_told == without


def test_lines_that_are_no_prose_are_left_as_they_are() -> None:
    def line(text: str) -> Reading:
        words = (ReadWord(tuple(ReadChar(c, 0, 9, 0.5, (), None) for c in word)) for word in text.split())
        return Reading(tuple(words), cell=4.0)

    context = Context()
    assert context.doubts(line("the rest of the money is due"))
    assert not context.doubts(line("THE REST OF THE MONEY IS DUE"))
    assert not context.doubts(line("12.50 x 3 37.50 rm 0.00 12:40"))
