"""What can be asked: one small module per operation."""
