"""Reading with what was trained: words and boxes, beams and languages."""

from pathlib import Path

import numpy as np
import pytest
import torch
from word_set import WORDS, write_words

from foveal.alphabet import Alphabet
from foveal.errors import UnreadableImage
from foveal.evaluate import evaluate
from foveal.models.encoders import EncoderSpec
from foveal.models.export_steps import TorchGlance, TorchSteps
from foveal.models.recogniser import Glancing, Spelling, recogniser
from foveal.reading.language import Language
from foveal.reading.scribe import Scribe, by_words, places
from foveal.reading.search import Search, Spelt, spell
from foveal.train.lessons import Aims
from foveal.train.recipe import About, Recipe, Schedule
from foveal.train.run import Run, load_recogniser, train
from foveal.train.strips import DataSpec, Sources
from foveal.train.torch_reader import TorchReader, opened

SPEC = EncoderSpec(stem=(8, 16, 24), dim=32, depth=1, heads=2)
ALPHABET = Alphabet("abc ")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Spelling, Path]:
    """Train until the words are read well."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("reader")
    words = write_words(folder / "words")
    data = DataSpec(batch=8, width=96, characters=6, augment=0.0)
    schedule = Schedule(steps=110, warm=5, rate=4e-3, average=0.9)
    decoder = {"name": "autoregressive", "hidden": 32, "heads": 2}
    recipe = Recipe(About("", "", "", 0, ""), decoder, SPEC, data, Aims(), schedule, alphabet="abc ")
    train(Run(recipe, Sources((words,)), folder / "out", device="cpu"))
    model, _ = load_recogniser(folder / "out" / "final.safetensors")
    assert isinstance(model, Spelling)
    return model, words


def test_words_are_read_with_boxes_where_they_stand(trained: tuple[Spelling, Path]) -> None:
    model, words = trained
    report = evaluate(words, TorchReader(model, ALPHABET))
    assert report.figures["cer"] < 0.4
    assert report.figures["look_near"] > 0.6
    line = TorchReader(model, ALPHABET).transcribe([words / "images/0.png"], looks=True)[0]
    assert all(char.look is not None for word in line.words for char in word.chars)
    with pytest.raises(UnreadableImage):
        opened(words / "labels.tsv")


def test_a_beam_finds_what_scores_no_worse_and_a_language_is_heeded(trained: tuple[Spelling, Path]) -> None:
    model, words = trained
    language = Language.learn([ALPHABET.encode(word) for word in WORDS] * 20, classes=len(ALPHABET), order=4)
    steps = TorchSteps(model)

    def spelt(search: Search) -> list[Spelt]:
        strips = (opened(words / f"images/{number}.png") for number in range(len(WORDS)))
        starts = (steps.start(strip[:, : strip.shape[1] // 8 * 8].copy()) for strip in strips)
        return [spell(steps, start, search, lines=1, first=len(ALPHABET))[0] for start in starts]

    def told(found: list[Spelt]) -> float:
        """Return what the language says of the texts, each with its end."""
        return sum(
            float(language.next(one.ids[:place])[char])
            for one in found
            for place, char in enumerate((*one.ids, 0))
        )

    greedy, beam = (spelt(Search(width, 8)) for width in (1, 4))
    assert all(one.score >= other.score - 1e-4 for one, other in zip(beam, greedy, strict=True))
    assert told(spelt(Search(4, 8, language, 1.0))) >= told(beam)


def test_ctc_is_read_by_its_best_path_or_by_summing_over_paths() -> None:
    torch.manual_seed(0)
    model = recogniser(SPEC, "ctc", len(ALPHABET))
    strip = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    plain = TorchReader(model, ALPHABET).transcribe([strip])[0]
    summed = TorchReader(model, ALPHABET, search=Search(beam=3, longest=16)).transcribe([strip])[0]
    assert {*plain.text, *summed.text} <= {*"abc "}


def test_edges_lie_between_looks_and_words_between_spaces() -> None:
    looks = np.zeros((2, 10), np.float32)
    looks[0, 2], looks[1, 6] = 1, 1
    assert places(Spelt((1, 2), (1.0, 1.0), looks, 0.0), 40, 4.0) == [0.0, 18.0, 40.0]
    assert places(Spelt((1, 2), (1.0, 1.0), None, 0.0), 40, 4.0) == [0.0, 20.0, 40.0]
    scribe = Scribe(TorchGlance(Glancing(SPEC, len(ALPHABET))), ALPHABET)
    chars = [scribe._char(one, 1.0, 0.0, 1.0) for one in ALPHABET.encode(" ab c ")]
    assert [word.text for word in by_words(chars)] == ["ab", "c"]
