import subprocess
import sys

import pytest

from foveal.measure.cost import peak_memory, spent
from foveal.measure.rules import alphanumeric, caseless, exact
from foveal.measure.score import crop_figures, page_figures


def test_crops_have_both_accuracies_whatever_the_rule() -> None:
    figures = crop_figures([("CAFE!", "Café"), ("No", "No")], rule=alphanumeric)
    assert figures == {"cer": 0, "accuracy": 1, "accuracy_exact": 0.5, "accuracy_alphanumeric": 1}


def test_lines_also_have_spaces() -> None:
    assert crop_figures([("ab c", "a b c")], rule=exact)["spaces_f1"] == pytest.approx(2 / 3)


def test_pages_have_a_cer_only_where_the_truth_flows() -> None:
    pairs = [("two\nONE", "one two")]
    bags = {"bag_of_words_f1": 1, "bag_of_bare_words_f1": 1}
    assert page_figures(pairs, rule=caseless, flows=False) == bags
    assert page_figures(pairs, rule=caseless, flows=True)["cer"] > 0


def test_cost_counts_the_work_inside_and_not_the_sleep() -> None:
    with spent() as cost:
        sum(range(3_000_000))
    assert 0 < cost.cpu <= cost.wall * 1.5
    assert cost.peak > 10**6


def test_peak_memory_is_that_of_the_process_and_not_of_its_parent() -> None:
    ballast = bytearray(200_000_000)
    code = "from foveal.measure.cost import peak_memory; print(peak_memory())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(ballast) < peak_memory()
    assert int(child.stdout) < len(ballast)
