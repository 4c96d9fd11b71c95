"""What the pages share: the server, static files, headers, the picture of a sound."""
