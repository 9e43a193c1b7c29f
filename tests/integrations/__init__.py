"""Tests with libraries that the core does without."""
