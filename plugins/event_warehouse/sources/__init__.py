"""Where files come from: a folder, an S3 bucket, a web server.

Each module finds files and opens them; none looks into what they hold.
"""
