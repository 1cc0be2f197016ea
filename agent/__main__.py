"""The a3c64 command as a module: `python -m a3c64`."""

import sys

from a3c64.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
