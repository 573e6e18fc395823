"""Sources: each module turns one platform's export into a drop of the extract contract, and nothing else."""
