"""Prepared folders cut, joined and grown: samples stay byte for byte, what describes them is made anew."""
