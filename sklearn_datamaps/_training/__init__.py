"""Training and recording: the classifier and its loop."""
