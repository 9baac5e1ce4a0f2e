"""Files as text: documents of several formats read, cut into parts and searched.

Owns no border: which files may be read is ``tools.files_folder``.
"""
