"""The conversation with the parameter server: messages, transports, the clients of worker and evaluator."""
