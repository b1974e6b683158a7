"""Changes to the images and labels of a batch."""
