"""The weights before the first step."""
