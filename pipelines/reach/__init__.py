"""Who still reaches whom, how sure, and who is lost: what statistics and optimisation add to the marts of SQL."""
