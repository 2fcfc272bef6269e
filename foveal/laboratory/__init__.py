"""The laboratory: recipes compared under one budget, and chosen among. Needs the extra `train`."""
