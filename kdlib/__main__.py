"""`python -m kdlib COMMAND`: see `kdlib.cli`."""

import sys

if __name__ == "__main__":
    try:
        from kdlib.cli import main  # here: torch takes seconds, in which Ctrl-C may come

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("kdlib: stopped")
