"""What every package needs: errors, settings, table contracts, the DuckDB connection, progress."""
