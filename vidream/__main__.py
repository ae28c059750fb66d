"""`python -m vidream`: the same as the `vidream` command."""

import sys

from vidream.cli import main

sys.exit(main())
