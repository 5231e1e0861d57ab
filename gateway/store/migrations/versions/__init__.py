"""One module per step; the number is the revision."""
