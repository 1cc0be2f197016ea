"""A Nintendo 64: the emulator in a process of its own, its ROM, memory, controller and savestates."""
