"""What the process that draws is made of: files, loading, drawing, saving and serving."""
