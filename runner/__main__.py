"""`python -m runner` is the command `campaign`."""

from runner.cli import main

if __name__ == "__main__":
    main()
