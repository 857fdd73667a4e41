"""Scoring: renders and references → lip-sync and image metrics by a named protocol, each number labelled, each missing one explained."""
