"""`python -m kdlib COMMAND`: see `kdlib.cli`."""

import sys

from kdlib.cli import main

if __name__ == "__main__":
    sys.exit(main())
