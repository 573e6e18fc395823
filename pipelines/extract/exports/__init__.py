"""Files that people download from a platform: one reader for each kind."""
