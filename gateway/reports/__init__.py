"""What we must be able to say: audit verification, Art. 15, papers, statistics."""
