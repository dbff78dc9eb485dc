"""Minibatches and a model → a trained model."""
