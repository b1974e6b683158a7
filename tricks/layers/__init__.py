"""The modules that tricks put into a network, and the optimizers torch has not."""
