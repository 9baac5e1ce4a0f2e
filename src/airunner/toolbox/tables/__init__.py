"""Tables in files, asked in SQL: CSV text and SQLite databases.

Owns reading them safely: what is loaded, what a query may do, and how rows are
shown. The tools over it are in ``builtin.table_tools``.
"""
