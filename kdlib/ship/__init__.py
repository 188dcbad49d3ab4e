"""A trained model as a file that runs without PyTorch.

onnx    one ONNX file, the same in int8, and its answers with ONNX Runtime
"""

from kdlib.ship.onnx import export as export
from kdlib.ship.onnx import predictor as predictor
from kdlib.ship.onnx import quantise as quantise
