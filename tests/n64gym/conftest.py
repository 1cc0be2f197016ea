"""What the tests of n64gym share: a driver, and processes with file systems of their own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # driving.py, namespace.py
