"""Great Expectations on the layers of a night."""
