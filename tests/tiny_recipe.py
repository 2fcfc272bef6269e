"""How the recipe of a recogniser small enough for tests begins, after its decoder."""

ENCODER = """\
alphabet = "abc "
[about]
what = "a test"
command = "none"
machine = "any"
minutes = 1
expected = "nothing"
[encoder]
stem = [8, 16, 24]
dim = 32
depth = 1
heads = 2
"""
