"""Where files come from: a folder, an S3 bucket, a web server.

These modules find files and open them; none interprets their content.
"""
