"""What every hidden unit does to its input."""
