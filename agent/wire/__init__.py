"""Communication with the parameter server: messages, transports, and the clients of worker and evaluator."""
