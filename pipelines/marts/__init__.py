"""The marts that need statistics: one module for each, named as its table."""
