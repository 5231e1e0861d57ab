"""OK.VISA as a SOAP server, with a seeded synthetic population, able to misbehave."""
