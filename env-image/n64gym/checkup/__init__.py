"""Checks of an emulator's installation and of a ROM in the environment that plays it."""
