"""The a3c64 command: its subcommands and local mode. Nothing imports this package but the command itself."""
