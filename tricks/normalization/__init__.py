"""Layers that keep what flows through the network in range."""
