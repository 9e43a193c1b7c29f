"""The kinds of learners that can be recorded, and what is particular to each."""
