"""The fictional county that `make demo` lands."""
