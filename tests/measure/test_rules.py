from pathlib import Path

import pytest

from foveal.errors import ConfigError
from foveal.measure.rules import RULES, Rule, rule_named, rule_of, unknown_of


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("line", ["Café  – “Ge⸗”", "ﬁn dé¬", "№ 5", ""])
def test_a_rule_gives_a_form_that_it_leaves_alone(rule: Rule, line: str) -> None:
    assert rule(rule(line)) == rule(line)


@pytest.mark.parametrize(
    ("rule", "one", "other", "same"),
    [
        ("exact", "dé¬", "dé-", True),
        ("exact", "ge⸗", "ge-", False),
        ("exact", "l’eau", "l'eau", False),
        ("lenient", "l’eau", "l'eau", True),
        ("exact", "TOTAL", "total", False),
        ("caseless", "TOTAL", "total", True),
        ("caseless", "12.50", "1250", False),
        ("alphanumeric", "Café!", "CAFE", True),
    ],
)
def test_what_counts_as_the_same(rule: str, one: str, other: str, same: bool) -> None:
    assert (rule_named(rule)(one) == rule_named(rule)(other)) is same


@pytest.mark.parametrize(
    ("name", "rule"),
    [("scene_words_", "alphanumeric"), ("scene_pages", "caseless"), ("receipts", "caseless"), ("", "exact")],
)
def test_the_kind_of_a_set_is_in_its_name(tmp_path: Path, name: str, rule: str) -> None:
    assert rule_of(tmp_path / name) == rule


def test_a_set_may_name_its_rule(tmp_path: Path) -> None:
    (tmp_path / "set.json").write_text('{"rule": "lenient"}', encoding="utf-8")
    assert rule_of(tmp_path) == "lenient"


def test_the_unknown_sign_of_a_set(tmp_path: Path) -> None:
    assert unknown_of(tmp_path / "printed_pages_unlv") == "~"
    assert unknown_of(tmp_path) == ""
    (tmp_path / "set.json").write_text('{"unknown": "¤"}', encoding="utf-8")
    assert unknown_of(tmp_path) == "¤"
    assert rule_of(tmp_path) == "exact"


def test_a_wrong_rule_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "set.json").write_text('{"rule": "caselss"}', encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean 'caseless'"):
        rule_of(tmp_path)
