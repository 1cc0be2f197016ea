"""a3c64: A3C on a real Nintendo 64 emulator. Importing this package opens no socket and starts no process."""
