"""Mastodon: its connector and the rows it writes."""
