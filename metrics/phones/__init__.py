"""Phones: what an encoder's features keep of the phones and visemes that are spoken, and what it mixes up."""
