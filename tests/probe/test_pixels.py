"""Why one character and not another, by gradients: what speaks for it adds up to what is to be explained."""

from dataclasses import replace

import numpy as np
import pytest
from damaged import page

import foveal
from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.explain.asking import asked_of, why
from foveal.explain.counterfactual import colours
from foveal.explain.examiner import Examiner
from foveal.explain.explanation import Explanation, choose


def test_evidence_by_gradients_adds_up_to_the_margin() -> None:
    whole = foveal.explain(page())
    line = whole.page.lines[0]
    asked = asked_of(line.held, line.words[1]).alone()  # type: ignore[arg-type]
    found = why(
        Explanation(whole.image, whole.page, choose(whole.page, 1, 2, 4, name="page")), "e", by="gradients"
    )
    grey = np.mean(colours(found.strip), axis=0)
    nothing = found.strip.copy()
    nothing[:, found.left : found.right] = grey
    ids = asked.ids.copy()
    ids[3] = Alphabet().encode("e")[0]
    strips = np.stack([found.strip, nothing])
    own, other = (np.log(Examiner().chances(one, strips)[:, 3]) for one in (asked, replace(asked, ids=ids)))
    explained = (own - other)[0] - (own - other)[1]
    assert explained > 2
    assert found.evidence.sum() == pytest.approx(explained, rel=0.3)
    assert not found.evidence[:, : found.left - 5].any()


def test_another_way_to_evidence_is_refused() -> None:
    with pytest.raises(ConfigError, match="gradients"):
        why(foveal.explain(page(), line=1, word=2, char=4), "e", by="gradient")
