"""Which runs the chapters have, how they are run, and their records."""
