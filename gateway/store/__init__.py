"""What we remember: persons (sealed), change feed, audit trail, positions, quarantine."""
