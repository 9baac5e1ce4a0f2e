"""Files and folders: gone through, searched, changed exactly, and saved whole or not at all."""
