"""What a command of the shell left behind."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def assert_failed(self, code: int, *words: str) -> None:
        """One sentence a failure on standard error, with these words, and no traceback."""
        assert self.code == code, self
        assert "Traceback" not in self.err
        assert all(line.startswith("foveal: ") for line in self.err.splitlines()), self.err
        for word in words:
            assert word in self.err
