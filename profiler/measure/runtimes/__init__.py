"""The runtimes that networks are deployed in: each loads an exported ONNX file and runs it, without torch."""
