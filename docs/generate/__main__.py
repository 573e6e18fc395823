"""Write the pages of the site and its configuration into a folder, ready for `zensical build`."""

import sys
from pathlib import Path

from docs.generate.stage import stage

stage(Path(sys.argv[1]))
