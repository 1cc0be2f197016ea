"""Trained policies that come with the project, made by `a3c64 export`: NAME.safetensors is for n64gym's NAME."""
