"""A saved model as a file to give away: an HTML page, an ONNX graph, or a zip."""
