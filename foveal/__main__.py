"""python -m foveal"""

from foveal.cli import main

main()
