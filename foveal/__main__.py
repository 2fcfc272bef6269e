"""`foveal` and `python -m foveal`: a run that can be stopped from its first moment on."""

import sys

from foveal.errors import Interrupted


def run() -> None:
    """Run the shell's commands; Ctrl-C while they are still being loaded is a sentence too."""
    try:
        from foveal.cli import main

        main()
    except KeyboardInterrupt:
        print("foveal: stopped (nothing was begun)", file=sys.stderr)
        sys.exit(Interrupted.exit_code)


if __name__ == "__main__":
    run()
