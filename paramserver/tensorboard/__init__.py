"""TensorBoard: its event file, its layout, its process."""
