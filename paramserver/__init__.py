"""The parameter server: shared weights, who is alive, and what TensorBoard shows (`python -m a3c64.paramserver`)."""
