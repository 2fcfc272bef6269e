"""From a batch to losses: gradients for every part, and real crops asked only where they can be aligned."""

from pathlib import Path

import pytest
import torch
from crops_zip import write_crops

from foveal.alphabet import Alphabet
from foveal.models.line import LineModel
from foveal.train import objective as module
from foveal.train.feed import Feed, Shape, Tensors, real, rendered
from foveal.train.objective import Objective, Question

FONTS = Path(__file__).parent.parent / "data" / "fonts"
CPU = torch.device("cpu")
WORDS = Shape("word", 3, 96, characters=20, fixations=26)
CROPS = Shape("crops", 4, 160, characters=30, fixations=40, shares=(("receipts_sroie", 1.0),))


@pytest.fixture
def objective() -> Objective:
    torch.manual_seed(0)
    return Objective(LineModel("tiny", len(Alphabet())), device=CPU, seed=0)


@pytest.fixture
def words(objective: Objective) -> Question:
    batch = next(Feed(rendered(FONTS, WORDS), workers=0, seed=1, device=CPU))
    return objective.question(batch, width=WORDS.width, scene=0.5)


def crops_of(folder: Path) -> Tensors:
    return next(Feed(real(write_crops(folder / "crops.zip"), CROPS), workers=0, seed=1, device=CPU))


def test_rendered_strips_come_with_the_boxes_of_their_characters(words: Question) -> None:
    assert words.images.shape == (3, 3, 32, WORDS.width)
    assert words.boxes is not None
    lengths = words.queries["lengths"]
    known = torch.arange(WORDS.characters) < lengths[:, None]
    wide = words.boxes[..., 2] - words.boxes[..., 0]
    assert (wide[known] >= 0).all()
    assert (wide[~known] == 0).all()
    assert words.caseless is None


def test_every_part_of_the_model_learns_from_rendered_words(objective: Objective, words: Question) -> None:
    parts = objective(words)
    assert set(parts) == {"glance", "fixation", "looking", "counting", "loss", "right"}
    assert all(value.isfinite() for value in parts.values())
    parts["loss"].backward()
    gradients = {name: p.grad for name, p in objective.model.named_parameters()}
    assert [name for name, grad in gradients.items() if grad is None or not grad.isfinite().all()] == []
    assert [name for name, grad in gradients.items() if not grad.any() and "key.bias" not in name] == []


def test_the_loss_is_the_weighted_sum_of_its_parts(objective: Objective, words: Question) -> None:
    parts = {name: value.item() for name, value in objective(words).items()}
    weights = objective.weights
    expected = sum(
        getattr(weights, name) * parts[name] for name in ("glance", "fixation", "looking", "counting")
    )
    assert parts["loss"] == pytest.approx(expected, rel=1e-5)


def test_real_crops_are_fixated_only_where_the_glance_can_align_them(
    objective: Objective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = objective.question(crops_of(tmp_path), width=CROPS.width, scene=0.0)
    assert asked.boxes is None
    parts = objective(asked)
    assert parts["fixation"].item() == parts["looking"].item() == 0  # an untrained glance aligns nothing
    assert parts["glance"].item() > 0
    monkeypatch.setattr(module, "ALIGNED", -1e9)
    assert objective(asked)["fixation"].item() > 1


def test_labels_without_case_do_not_ask_for_it(objective: Objective, tmp_path: Path) -> None:
    batch = crops_of(tmp_path)
    assert batch["caseless"].all()
    asked = objective.question(batch, width=CROPS.width, scene=0.0)
    capitals = {**asked.queries, "ids": objective.fold.ids(asked.queries["ids"], batch["caseless"])}
    assert not torch.equal(capitals["ids"], asked.queries["ids"])
    one, other = objective(asked), objective(asked._replace(queries=capitals))
    assert one["glance"].item() > 0
    assert one["glance"].item() == pytest.approx(other["glance"].item())


def test_hidden_columns_are_told_from_what_is_around(words: Question, objective: Objective) -> None:
    model = objective.model.eval()
    hidden = torch.zeros(3, WORDS.width // 4, dtype=torch.bool)
    hidden[:, 4:10] = True
    other_ink = model.stem.register_forward_hook(lambda _, __, grid: grid + 7.0 * hidden[..., None])
    other = model.glance(words.images, hidden=hidden)
    other_ink.remove()
    assert torch.equal(other.logits, model.glance(words.images, hidden=hidden).logits)
    assert not torch.equal(other.logits, model.glance(words.images).logits)


def test_about_the_share_asked_for_is_hidden_in_spans(objective: Objective) -> None:
    objective.hide = 0.15
    hidden = objective._hidden(torch.ones(4000, 60, dtype=torch.bool))
    assert 0.10 < hidden.float().mean() < 0.16
    shares = hidden.float().mean(1)
    assert shares.min() == 0
    assert shares.max() > 0.3
    begins = hidden & ~torch.nn.functional.pad(hidden, (1, 0))[:, :-1]
    lengths = hidden.sum() / begins.sum()
    assert lengths > 0.9 * module.SPAN


def test_the_pupil_does_not_see_what_is_hidden(objective: Objective, words: Question) -> None:
    whole = objective(words)["loss"].item()
    objective.hide = 0.9
    assert objective(words)["loss"].item() != pytest.approx(whole, rel=1e-3)
