"""A folder of clips: which file is compared with which, every clip scored once, the tables last."""
