"""Where data comes from: the OK.VISA adapter and the poll."""
