"""`python -m tones`: see `tones.cli`."""

from __future__ import annotations

import sys

from tones.cli import main

if __name__ == "__main__":
    sys.exit(main())
