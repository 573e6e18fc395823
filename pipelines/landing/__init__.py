"""How a delivery lands: checked, copied, hashed, and kept unchanged."""
