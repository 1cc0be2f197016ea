"""The a3c64 command as a module: `python -m a3c64`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working folder: a queue.py there must not replace the standard library's
    from a3c64.cli.main import main

    sys.exit(main())
