"""Text and settings → a trained model in its folder."""
