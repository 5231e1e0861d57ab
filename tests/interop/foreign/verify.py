"""Usage: python verify.py CERTIFICATE PROFILE=FILE...; prints true or false for each file."""

import sys
from pathlib import Path

from seal import verified

for asked in sys.argv[2:]:
    profile, file = asked.split("=", 1)
    print("true" if verified(Path(file).read_bytes(), sys.argv[1], profile) else "false")
