"""What recording a map costs: ``python -m benchmarks NAME``, see the README here."""
