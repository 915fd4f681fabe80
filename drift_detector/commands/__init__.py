"""The commands of `drift`: one module each, and a line in `drift_command`."""
