"""Experiments, the training loop, the run store and the processes that do the work."""
