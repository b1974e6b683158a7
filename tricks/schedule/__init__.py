"""The learning rate over the steps of a run."""
