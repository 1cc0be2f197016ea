"""Makes the helpers of these tests importable: driving.py and namespace.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
