"""Which examples the network sees, and how often."""
