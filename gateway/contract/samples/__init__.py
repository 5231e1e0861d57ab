"""Sample messages of a contract, valid and invalid: for those who build the other side, and for our own tests."""
