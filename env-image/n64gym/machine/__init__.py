"""A Nintendo 64: the emulator in a separate process, its ROM, memory, controller and savestates."""
