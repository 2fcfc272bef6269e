"""Text drawn with every character's box: fonts, words, and glyphs composed into words and lines."""
