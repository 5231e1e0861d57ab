"""What we know: the unified model of a person, its types, code lists, rules and derived attributes."""
