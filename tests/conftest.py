"""Running the shell's commands, in this process or as a process of their own."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from ran import Ran

from foveal.cli import main


def heed_interrupts() -> None:
    """Let SIGINT do what it does in a terminal: a shell's background jobs, and their children, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `foveal` with these arguments in this process."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["foveal", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def process() -> Callable[..., "subprocess.Popen[bytes]"]:
    """Start `foveal` with these arguments as a process of its own; options are those of Popen."""

    def start(*arguments: object, **options: object) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "foveal", *map(str, arguments)]
        pipes: dict[str, object] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        pipes["preexec_fn"] = heed_interrupts
        return subprocess.Popen(command, **(pipes | options))  # type: ignore[call-overload, no-any-return]

    return start
