"""The X API: its connector, its client, the responses it reads."""
