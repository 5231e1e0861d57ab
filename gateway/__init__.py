"""The gateway: OK.VISA in, one reviewed and signed service per connected application out."""
