"""A model and a wish → lyrics."""
