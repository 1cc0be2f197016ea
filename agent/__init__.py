"""The A3C agent: what parameter server and workers share; importing it opens no socket and starts no process."""
