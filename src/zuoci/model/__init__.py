"""Ids and a state → logits and the next state; and models on disk."""
