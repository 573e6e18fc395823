"""What must hold of the core layer."""
