"""Where the processes of runs live: this machine now, others behind the same interface."""
