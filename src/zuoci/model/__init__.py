"""Ids and a state → logits and the next state. Models on disk."""
