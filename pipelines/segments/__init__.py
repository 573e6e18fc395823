"""Segments: from a definition an analyst can read to rows that SQL can join."""
