"""What runs learn: SE4Lip's pairs of windows, PASE's excerpts with phones."""
