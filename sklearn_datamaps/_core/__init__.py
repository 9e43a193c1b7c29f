"""Values and rules of data maps: no learner, no picture, no file but its own."""
