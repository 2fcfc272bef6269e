"""Recipes: every one that ships builds its model, says what it is for, and survives being kept as JSON."""

import json
import re
from pathlib import Path

import pytest

from foveal.errors import ConfigError, InputMissing
from foveal.laboratory.table import short
from foveal.train.recipe import Changes, Recipe, read_recipe

RECIPES = Path(__file__).parent.parent.parent / "recipes"
FILES = sorted(RECIPES.rglob("*.toml"))
MEASURED = {
    short(trial["recipe"])
    for file in (RECIPES.parent / "docs" / "laboratory").glob("*.json")
    for trial in json.loads(file.read_text(encoding="utf-8"))["trials"]
}
ABOUT = """
[about]
what = "a test"
command = "none"
machine = "any"
minutes = 1
expected = "nothing"
"""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(RECIPES)))
def test_every_recipe_builds_its_model_and_says_what_it_is_for(path: Path) -> None:
    recipe = read_recipe(path)
    assert sum(p.numel() for p in recipe.model().parameters()) > 100_000
    assert str(path.relative_to(RECIPES.parent)) in recipe.about.command
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(RECIPES)))
def test_every_recipe_that_was_measured_says_what_it_came_to(path: Path) -> None:
    about, name = read_recipe(path).about, short(str(path))
    if name not in MEASURED:
        assert about.expected == "nothing measured yet"
        return
    assert re.search(r"after [\d.]+ min, \d+ seeds: .*\d", about.expected)
    assert f"--minutes {about.minutes:g} " in about.command


def test_the_kinds_of_recogniser_are_all_there() -> None:
    names = {read_recipe(path).decoder_name for path in FILES}
    assert names == {"summary", "ctc", "recurrent", "autoregressive", "parallel", "fixations"}
    assert len({read_recipe(path).to_json() for path in FILES}) == len(FILES)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('decoder = "ctc"\n[encodr]\ndim = 3', "did you mean 'encoder'"),
        ('decoder = "ctc"\n[encoder]\ndimm = 3', "encoder has no key 'dimm' .did you mean 'dim'"),
        ('decoder = "ctc"\n[encoder]\ndim = "3"', "encoder.dim cannot be '3' .give a value of type int"),
        ('decoder = "ctc"\n[encoder]\nstem = [1, 2]', "has 2 values .give 3"),
        ('decoder = "ctc"\n[schedule]\nshape = "cosin"', "did you mean 'cosine'"),
        ('decoder = "recurrent"\n[aims.alignment]\nform = "square"', "did you mean 'squares'"),
        ('decoder = "recurrent"\n[aims.alignment]\nsources = ["ctc"]', "needs a CTC head"),
        ('decoder = "summary"\n[aims.regular]\nentropy = 1', "summary has no looks .leave out aims.regular"),
        ('decoder = "ctc"\n[aims.alignment]\nform = "squares"', "ctc has no looks .leave out aims.alignment"),
        ('decoder = "summary"\n[aims.alignment]\nsources = ["equal"]', "leave out aims.alignment"),
        ('decoder = "ctc"\n[aims.tasks]\nattention = 0.5', "leave out aims.tasks.attention"),
        ('decoder = "ctc"\n[aims.tasks]\nregular = 0.5', "leave out aims.tasks.regular"),
        ('decoder = "summary"\n[aims.tasks]\nfloor = 0.5', "leave out aims.tasks.floor"),
        ('decoder = "ctc"\n[aims.tasks]\nweighing = "uncertainty"', "leave out aims.tasks.weighing"),
        ('decoder = "summary"\n[aims.tasks]\nglance = 1\nweighing = "annealed"', "out aims.tasks.weighing"),
        ('decoder = "ctc"\n[aims]\nsmoothing = 0.1', "knows no smoothing"),
        ('decoder = "ctc"\n[encoder]\nmixer = "lstm"\nposition = "rotary"', "mixer 'lstm' has no attention"),
        ("[encoder]\ndim = 3", "needs decoder"),
        ('decoder = "ctc', "mend the TOML"),
    ],
)
def test_a_wrong_recipe_is_answered_with_the_way_out(tmp_path: Path, rows: str, said: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(rows + "\n" + ABOUT, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        read_recipe(file)


def test_what_a_vector_and_a_ctc_head_share_may_be_weighed(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    rows = 'decoder = "summary"\n[aims.tasks]\nglance = 1\nweighing = "uncertainty"'
    file.write_text(rows + "\n" + ABOUT, encoding="utf-8")
    assert read_recipe(file).aims.tasks.weighing == "uncertainty"


def test_a_run_may_change_a_recipe_which_must_exist(tmp_path: Path) -> None:
    recipe = read_recipe(RECIPES / "ctc.toml")
    assert Changes(steps=7).of(recipe).schedule.steps == 7
    assert Changes(minutes=3).of(recipe).schedule.minutes == 3
    lines = Changes(lines=True, echo=2).of(recipe).data
    assert (lines.kind, lines.width, lines.batch, lines.echo) == ("line", 768, recipe.data.batch // 4, 2)
    assert Changes().of(recipe) == recipe
    with pytest.raises(InputMissing):
        read_recipe(tmp_path / "none.toml")
