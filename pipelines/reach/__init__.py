"""Statistics and optimisation of the marts: who still reaches whom, how certain that is, and who is lost."""
