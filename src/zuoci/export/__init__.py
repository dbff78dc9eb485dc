"""A model to give away: as one HTML page, or as an ONNX graph."""
