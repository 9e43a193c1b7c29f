"""Other people's files and frames, read to rows or maps."""
