"""`python -m zuoci` is the command `zuoci`."""

from zuoci.cli import main

if __name__ == "__main__":
    main()
