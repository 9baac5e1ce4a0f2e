"""JSON schemas that somebody else wrote: as a validator takes them, and as a grammar decodes them.

Owns what becomes of a schema of any draft, in plain dictionaries. Nothing here
opens a file or an address, and every function ends whatever it is given.
"""
