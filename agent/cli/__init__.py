"""The a3c64 command: its subcommands and local mode. Only the command itself imports this package."""
