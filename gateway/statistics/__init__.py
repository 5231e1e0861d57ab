"""WHAT WE MAY SAY OF MANY: reports counted from the store, made safe to publish, and what was published before."""
