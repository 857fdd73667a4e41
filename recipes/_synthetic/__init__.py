"""The drawn talking heads: how they speak (espeak, voice), move their mouths (visemes) and look (identity, portrait, features)."""
