"""What one does with a map: audit labels, apply reviews, select rows."""
