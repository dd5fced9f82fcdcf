"""An ONNX file, counted: read without its weights' values, shapes inferred node by node, rows by the formulas of tracing."""
