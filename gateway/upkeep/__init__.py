"""What time requires: retention, re-projection, re-encryption, reconciliation."""
