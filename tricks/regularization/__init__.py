"""What keeps the network from learning the training set by heart."""
