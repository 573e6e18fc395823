"""A deployment of one's own: the files it starts with, and a check of all that it needs."""
