"""The house (docs/design-notes.md): a file imports only from its own layer and from lower ones."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "foveal"

READING = {
    "errors": 0, "document": 0, "document_json": 0, "geometry": 0,
    "config": 1, "alphabet": 1, "images": 1, "measure": 1,
    "reading": 2, "formats": 2, "weights": 2,
    "explain": 3, "understand": 3, "batch": 3, "feedback": 3, "evaluate": 3,
    "serve": 4, "integrations": 4,
    "cli": 5, "cli_laboratory": 5, "cli_own": 5, "__init__": 5, "__main__": 5,
}  # fmt: skip
TRAINING = {"attention": 1, "models": 2, "synth": 2, "train": 3, "probe": 3, "laboratory": 4}
LAYER = READING | TRAINING
TRAIN_EXTRA = {
    "einops", "faker", "fontTools", "jaxtyping", "lightning", "matplotlib", "onnx", "onnxscript",
    "safetensors", "torch", "wordfreq",
}  # fmt: skip


def house(module: str) -> str:
    """Name the part of foveal that a dotted module belongs to: foveal.reading.find -> reading."""
    return module.split(".")[1] if "." in module else "__init__"


def imported(node: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    """Yield the dotted names that one import statement of `module` brings in."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parts = module.split(".")
        base = parts[: len(parts) - node.level + is_package] if node.level else []
        source = ".".join(base + ([node.module] if node.module else []))
        if source == "foveal":  # a part of the house, or a word of its front door such as `read`
            yield from (f"foveal.{a.name}" if a.name in LAYER else "foveal" for a in node.names)
        else:
            yield source


def is_ours(name: str) -> bool:
    return name.split(".")[0] == "foveal"


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run when the module is imported: everything but the bodies of functions."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from at_import(child)


def breaches(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """List the imports that go up, and those by which the reading side would load the train extra."""
    tree, here = ast.parse(source), house(module)
    up = [
        f"{module}:{node.lineno} (layer {LAYER[here]}) imports {name} (layer {LAYER[house(name)]})"
        for node in ast.walk(tree)
        for name in imported(node, module, is_package=is_package)
        if is_ours(name) and LAYER[house(name)] > LAYER[here]
    ]
    heavy = [
        f"{module}:{node.lineno} imports {name} while it is itself imported"
        for node in at_import(tree)
        for name in imported(node, module, is_package=is_package)
        if name.split(".")[0] in TRAIN_EXTRA or (is_ours(name) and house(name) in TRAINING)
    ]
    return up + (heavy if here in READING else [])


def modules() -> list[tuple[str, Path]]:
    """List every module of the package by dotted name; a package is named by its folder."""
    files = sorted(PACKAGE.rglob("*.py"))
    dotted = [".".join(f.relative_to(PACKAGE.parent).with_suffix("").parts) for f in files]
    return [(name.removesuffix(".__init__"), file) for name, file in zip(dotted, files, strict=True)]


@pytest.mark.parametrize(("module", "file"), modules(), ids=[name for name, _ in modules()])
def test_imports_go_down(module: str, file: Path) -> None:
    assert house(module) in LAYER, f"{module} has no layer: give it one here and in docs/design-notes.md"
    assert breaches(file.read_text(encoding="utf-8"), module, is_package=file.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("foveal.geometry", "import foveal.reading.find"),
        ("foveal.geometry", "from foveal.reading.find import lines"),
        ("foveal.geometry", "from . import reading"),
        ("foveal.reading.find", "from ..cli import main"),
        ("foveal.reading.find", "from foveal import read"),
        ("foveal.attention.dot", "from foveal.models import line"),
        ("foveal.reading.engine", "import torch.nn as nn"),
        ("foveal.reading.engine", "if True:\n    from einops import rearrange"),
        ("foveal.cli", "from foveal.train import recipes"),
    ],
)
def test_a_breach_is_seen(module: str, line: str) -> None:
    assert breaches(line, module)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("foveal.reading.find", "from foveal import geometry"),
        ("foveal.reading.find", "from .order import order"),
        ("foveal.cli", "def synth():\n    from foveal.synth import words\n    import torch"),
        ("foveal.models.line", "import torch"),
    ],
)
def test_what_the_layers_allow_is_allowed(module: str, line: str) -> None:
    assert breaches(line, module) == []
