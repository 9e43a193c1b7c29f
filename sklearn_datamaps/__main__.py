"""``python -m sklearn_datamaps``."""

from sklearn_datamaps._cli.parser import main

if __name__ == "__main__":
    raise SystemExit(main())
