"""Whether a render shows the person of the real video: one metric a file."""
