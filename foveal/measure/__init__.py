"""Measures of a reading: text, boxes, looks and trust, on NumPy alone."""
