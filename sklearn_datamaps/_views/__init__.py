"""What a map looks like: summaries, pictures, reviews, the page."""
