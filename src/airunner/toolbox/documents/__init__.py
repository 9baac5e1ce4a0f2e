"""Files as text: documents of several formats read, searched and quoted; text files saved.

Owns no tool: what a model may call is in ``builtin.document_tools`` and
``builtin.file_tools``, and which files may be touched is ``files_folder``.
"""
