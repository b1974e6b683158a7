"""Tricks of the procedure family."""
