"""Stillreach: which accounts still reach which community, and who is lost if one closes."""
