"""What must hold of the mart layer."""
