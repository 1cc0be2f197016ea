"""The Python interface, which `import a3c64` offers: load, evaluate, train."""
