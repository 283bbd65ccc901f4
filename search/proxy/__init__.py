"""The proxy of `staged`."""
