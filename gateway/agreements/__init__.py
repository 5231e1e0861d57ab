"""Who may ask what: agreements, what they grant, and what a person looks like under one of them."""
