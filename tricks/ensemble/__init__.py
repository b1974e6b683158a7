"""Several answers made into one, and how a finished network answers."""
