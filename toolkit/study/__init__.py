"""A study of what people say of rendered videos: a page that asks them, and what comes of their answers."""
