"""What the tables of Deep Compression print of each layer (Han, Mao and Dally, ICLR 2016, arXiv 1510.00149v5, Tables 2 to 5).

Weights that stay in percent, bits of a weight and of an index, and the averages of both by Huffman's codes.
"""

from __future__ import annotations

from typing import Any

NAME = "deep-compression"


def _row(weights: int, bits: int, coded_bits: float, index_bits: int, coded_index_bits: float) -> dict[str, Any]:
    """A row of a table, in its order."""
    coded = {"coded_bits": coded_bits, "coded_index_bits": coded_index_bits}
    return {"weights": weights, "bits": bits, "index_bits": index_bits, **coded}


TABLES: dict[str, dict[str, dict[str, Any]]] = {
    "lenet_300_100": {
        "head.ip1": _row(8, 6, 4.4, 5, 3.7),
        "head.ip2": _row(9, 6, 4.4, 5, 4.3),
        "head.ip3": _row(26, 6, 4.3, 5, 3.2),
    },
    "lenet5_caffe": {
        "body.conv1": _row(66, 8, 7.2, 5, 1.5),
        "body.conv2": _row(12, 8, 7.2, 5, 3.9),
        "head.ip1": _row(8, 5, 4.5, 5, 4.5),
        "head.ip2": _row(19, 5, 5.2, 5, 3.7),
    },
    "alexnet": {
        "body.conv1": _row(84, 8, 6.3, 4, 1.2),
        "body.conv2": _row(38, 8, 5.5, 4, 2.3),
        "body.conv3": _row(35, 8, 5.1, 4, 2.6),
        "body.conv4": _row(37, 8, 5.2, 4, 2.5),
        "body.conv5": _row(37, 8, 5.6, 4, 2.5),
        "head.fc6": _row(9, 5, 3.9, 4, 3.2),
        "head.fc7": _row(9, 5, 3.6, 4, 3.7),
        "head.classifier": _row(25, 5, 4, 4, 3.2),
    },
    "vgg16": {
        "body.0.conv0": _row(58, 8, 6.8, 5, 1.7),
        "body.0.conv1": _row(22, 8, 6.5, 5, 2.6),
        "body.1.conv0": _row(34, 8, 5.6, 5, 2.4),
        "body.1.conv1": _row(36, 8, 5.9, 5, 2.3),
        "body.2.conv0": _row(53, 8, 4.8, 5, 1.8),
        "body.2.conv1": _row(24, 8, 4.6, 5, 2.9),
        "body.2.conv2": _row(42, 8, 4.6, 5, 2.2),
        "body.3.conv0": _row(32, 8, 4.6, 5, 2.6),
        "body.3.conv1": _row(27, 8, 4.2, 5, 2.9),
        "body.3.conv2": _row(34, 8, 4.4, 5, 2.5),
        "body.4.conv0": _row(35, 8, 4.7, 5, 2.5),
        "body.4.conv1": _row(29, 8, 4.6, 5, 2.7),
        "body.4.conv2": _row(36, 8, 4.6, 5, 2.3),
        "head.fc6": _row(4, 5, 3.6, 5, 3.5),
        "head.fc7": _row(4, 5, 4, 5, 4.3),
        "head.fc8": _row(23, 5, 4, 5, 3.4),
    },
}
"""{network: {path: a row}}: Tables 2, 3, 4 and 5."""
