"""The warehouse: which models there are, in what order, and one night's tables."""
