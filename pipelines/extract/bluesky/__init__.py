"""Bluesky: its connector, the responses it reads, the rows it writes."""
