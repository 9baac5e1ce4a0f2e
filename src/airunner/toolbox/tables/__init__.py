"""Tables in files, asked in SQL: CSV text by DuckDB, SQLite databases by SQLite itself.

Owns reading them safely: what is loaded, what a query may do, and how rows are
shown. Both libraries run in a process of ``query_process`` alone.
"""
